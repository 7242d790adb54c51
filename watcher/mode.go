package watcher

import "fmt"

// A Mode says how changes are noticed. A pointer to one is a flag value.
type Mode int

// The modes. Auto is Notify where the file system tells of changes, and Poll
// where it is known not to. Notify tries whatever the file system; when no
// watch can be had at all, it polls too.
const (
	Auto Mode = iota
	Notify
	Poll
)

func (m Mode) String() string {
	switch m {
	case Auto:
		return "auto"
	case Notify:
		return "notify"
	case Poll:
		return "poll"
	}
	panic(fmt.Sprintf("watcher: no mode %d", int(m)))
}

// Set makes m the mode of that name.
func (m *Mode) Set(name string) error {
	for _, known := range []Mode{Auto, Notify, Poll} {
		if known.String() == name {
			*m = known
			return nil
		}
	}
	return fmt.Errorf("no mode %q: use auto, notify or poll", name)
}

// Type is the word for a mode in a command's help.
func (*Mode) Type() string { return "mode" }
