package state

import (
	"log/slog"
	"time"

	"dragoman/table"
)

// A Keeper writes to a Dir, in its own time and always the newest.
type Keeper[F File] struct {
	dir    *Dir[F]
	log    *slog.Logger
	newest chan table.Table[F] // capacity one
}

// retryAfter is how long to wait when writing failed.
const retryAfter = 10 * time.Second

// NewKeeper returns a keeper that writes to dir. It starts nothing.
func NewKeeper[F File](dir *Dir[F], log *slog.Logger) *Keeper[F] {
	return &Keeper[F]{dir: dir, log: log, newest: make(chan table.Table[F], 1)}
}

// Keep hands over what is to be kept, and does not wait. It is for one
// goroutine, which calls Close in the end.
func (k *Keeper[F]) Keep(files table.Table[F]) {
	select {
	case <-k.newest: // Nobody needs the older one any more.
	default:
	}
	k.newest <- files
}

// Close says that nothing more comes.
func (k *Keeper[F]) Close() { close(k.newest) }

// Run writes until Close, and then what was handed over last. A failure is
// logged once, and tried again until it is none.
func (k *Keeper[F]) Run() error {
	var files table.Table[F]
	var retry <-chan time.Time
	failing := false
	for {
		select {
		case next, ok := <-k.newest:
			if !ok {
				return nil
			}
			files = next
		case <-retry:
		}
		err := k.dir.Write(files)
		retry = nil
		switch {
		case err != nil:
			retry = time.After(retryAfter)
			if !failing {
				k.log.Error("the state cannot be written; a restart would find what was written last", slog.Any("error", err))
			}
		case failing:
			k.log.Info("the state is written again")
		}
		failing = err != nil
	}
}
