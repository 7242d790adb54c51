package watcher

import (
	"errors"
	"strconv"
	"strings"
	"syscall"

	"github.com/fsnotify/fsnotify"
)

// A source is an open fsnotify watcher, whose channels are fields there.
type source struct {
	notifier

	events <-chan fsnotify.Event
	errors <-chan error
}

// A notifier is the part of fsnotify that tests make fail.
type notifier interface {
	Add(dir string) error
	Remove(dir string) error
	WatchList() []string
	Close() error
}

func openNotify() (source, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return source{}, err
	}
	return source{notifier: w, events: w.Events, errors: w.Errors}, nil
}

// remedy says what to do about an error of watching, "" if nobody can.
func remedy(err error) string {
	switch {
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		// The kernel has one error for two limits.
		return "raise sysctl fs.inotify.max_user_instances, or the limit of open files (ulimit -n)"
	case errors.Is(err, syscall.ENOSPC):
		return "raise sysctl fs.inotify.max_user_watches"
	}
	return ""
}

// renamedFrom returns the old name of what e created by a rename, "" when it
// was not a rename inside watched directories. fsnotify pairs the two events
// by the kernel's cookie, but lets nobody see the result except in its text:
//
//	CREATE        "/etc/x/a.yaml" ← "/etc/x/a.yaml.tmp"
//
// To take a RENAME and the next CREATE for a pair would be wrong for vim with
// backupdir, which moves a file away and creates one of size 0.
func renamedFrom(e fsnotify.Event) string {
	text := e.String()
	at := strings.IndexByte(text, '"')
	if at < 0 {
		return ""
	}
	name, err := strconv.QuotedPrefix(text[at:])
	if err != nil {
		return ""
	}
	quoted, ok := strings.CutPrefix(text[at+len(name):], " ← ")
	if !ok {
		return ""
	}
	from, err := strconv.Unquote(quoted)
	if err != nil {
		return ""
	}
	return from
}
