package diag

import "fmt"

// A Code is the stable number of a kind of problem. Each has a page in
// docs/errors.
type Code int

// The codes: 1xxx a file by itself, 2xxx a document's meaning, 3xxx files
// together, 4xxx what is beyond the files, 5xxx other files that they name. A
// number is never used twice.
const (
	Syntax        Code = 1001 // not YAML
	UnknownKey    Code = 1002
	MissingKey    Code = 1003
	WrongType     Code = 1004
	BadValue      Code = 1005 // not one of, out of range, not of the form
	DuplicateKey  Code = 1006 // one key twice in one mapping
	EmptyValue    Code = 1007
	EmptyFile     Code = 1008
	TooLarge      Code = 1009 // bytes, nodes, depth, aliases
	Unreadable    Code = 1010 // permissions, not a regular file, not UTF-8
	NotYet        Code = 1011 // in the format, not in this release
	UnknownKind   Code = 1012 // no kind key, two of them
	Template      Code = 1013 // an unrendered template
	OddNumber     Code = 1014 // 0644 is 420
	NoEffect      Code = 2001 // a key that could do nothing where it stands
	BadRegex      Code = 2002
	BadFormat     Code = 2003 // %COMMAND% operators
	BadRewrite    Code = 2004
	BadUpstream   Code = 2005 // mixed schemes, discovery that cannot be
	BadHeader     Code = 2006
	NoUpstream    Code = 2007
	OddMatch      Code = 2008 // a text that elsewhere is a pattern or variable
	Proxyless     Code = 2009 // what gRPC clients without a proxy cannot do
	EnvoyAlone    Code = 2010 // what they leave out
	DuplicateName Code = 3001
	SameRoute     Code = 3002
	UnknownName   Code = 3003 // a reference to nothing
	SamePort      Code = 3004
	WhichListener Code = 3005 // several, and none is the default
	HeldBack      Code = 3006 // depends on a file that is held back
	NoFallThrough Code = 3007
	StillUsed     Code = 3008 // removed while something refers to it
	Emptied       Code = 3009 // no service is left
	MostGone      Code = 3010 // most services went at once
	Frozen        Code = 3011 // right, but waits for files that are not
	Unused        Code = 3012 // nothing leads there
	Drains        Code = 3013 // a change that ends connections
	Rejected      Code = 4001 // Envoy's own constraints refuse the translation
	Refused       Code = 4002 // an Envoy has refused a resource
	OwnTrouble    Code = 4003 // for a reason that lies with that Envoy's host
	RolledBack    Code = 4004 // refused, and back to what was accepted last
	NotReady      Code = 4005 // a resource that Envoy does not become done with
	NamedFile     Code = 5001 // a file that YAML names is missing, elsewhere or unreadable
	Certificate   Code = 5002 // not PEM, encrypted, of a kind that Envoy does not take
	KeyMismatch   Code = 5003 // a certificate and another one's key
	OutOfDate     Code = 5004 // a certificate that has ended, or not begun
	EndsSoon      Code = 5005 // a certificate that ends within two weeks
	NoServerName  Code = 5006 // a certificate without a name of a server
)

//nolint:gochecknoglobals // a table, never changed
var names = map[Code]string{
	Syntax: "syntax", UnknownKey: "unknown-key", MissingKey: "missing-key", WrongType: "wrong-type",
	BadValue: "bad-value", DuplicateKey: "duplicate-key", EmptyValue: "empty-value", EmptyFile: "empty-file",
	TooLarge: "too-large", Unreadable: "unreadable", NotYet: "not-yet", UnknownKind: "unknown-kind",
	Template: "template", OddNumber: "odd-number", NoEffect: "no-effect", BadRegex: "bad-regex",
	BadFormat: "bad-format", BadRewrite: "bad-rewrite", BadUpstream: "bad-upstream", BadHeader: "bad-header",
	NoUpstream: "no-upstream", OddMatch: "odd-match", Proxyless: "proxyless", EnvoyAlone: "envoy-alone", DuplicateName: "duplicate-name", SameRoute: "same-route",
	UnknownName: "unknown-name", SamePort: "same-port", WhichListener: "which-listener", HeldBack: "held-back",
	NoFallThrough: "no-fall-through", StillUsed: "still-used", Emptied: "emptied", MostGone: "most-gone",
	Frozen: "frozen", Unused: "unused", Drains: "drains", Rejected: "rejected", NamedFile: "named-file", Certificate: "certificate", KeyMismatch: "key-mismatch",
	OutOfDate: "out-of-date", EndsSoon: "ends-soon", NoServerName: "no-server-name",
	Refused: "refused", OwnTrouble: "own-trouble", RolledBack: "rolled-back", NotReady: "not-ready",
}

// Name is the code's word, such as unknown-key.
func (c Code) Name() string { return names[c] }

// ID is the code's number as people cite it, such as DRG1002.
func (c Code) ID() string { return fmt.Sprintf("DRG%04d", int(c)) }

// String is the code with its word: DRG1002 unknown-key.
func (c Code) String() string { return c.ID() + " " + c.Name() }
