package main

import (
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"dragoman/internal/envoytest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"dragoman": main})
}

// The scripts are sessions with the real program. Beside testscript's own
// commands they have:
//
//	exits CODE PROGRAM ARG...   runs it, and it must exit with CODE
//	await FILE REGEX            waits until a line of the file matches
//	signal TERM|HUP|INT         to what runs in the background
//	port NAME                   puts a free port into the variable
//	certs DIR NAME...           writes ca.crt, and tls.crt and tls.key for the names
//	clock / within DURATION     no more than that has passed since clock
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		Cmds:                commands(t),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       updating(),
	})
}

// The same with a real Envoy:
//
//	accepts FILE   envoy --mode validate takes the bootstrap, without a warning
func TestEnvoyScripts(t *testing.T) {
	envoy := envoytest.Binary(t)
	cmds := commands(t)
	cmds["accepts"] = func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 1 {
			ts.Fatalf("usage: accepts FILE")
		}
		out, err := exec.Command(envoy, "--mode", "validate", "-c", ts.MkAbs(args[0])).CombinedOutput()
		if err != nil || regexp.MustCompile(`\]\[(warning|error|critical)\]`).Match(out) {
			ts.Fatalf("Envoy does not take %s: %v\n%s", args[0], err, out)
		}
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/envoy",
		Cmds:                cmds,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// updating tells go test -update, which belongs to package golden.
func updating() bool {
	f := flag.Lookup("update")
	return f != nil && f.Value.String() == "true"
}

type scriptCommand = func(ts *testscript.TestScript, neg bool, args []string)

func commands(t *testing.T) map[string]scriptCommand {
	t.Helper()
	clocks := "CLOCK" // in the script's environment: scripts run side by side
	return map[string]scriptCommand{
		"exits":  exits,
		"await":  await,
		"signal": signalBackground,
		"port": func(ts *testscript.TestScript, _ bool, args []string) {
			ts.Setenv(args[0], strconv.Itoa(envoytest.FreePort(t)))
		},
		"certs": func(ts *testscript.TestScript, _ bool, args []string) {
			ts.Check(os.MkdirAll(ts.MkAbs(args[0]), 0o700))
			ca := envoytest.NewCA(t)
			writeCertificates(t, ts.MkAbs(args[0]), ca, ca.Issue(t, args[1:]...))
		},
		"clock": func(ts *testscript.TestScript, _ bool, _ []string) {
			ts.Setenv(clocks, time.Now().Format(time.RFC3339Nano))
		},
		"within": func(ts *testscript.TestScript, _ bool, args []string) {
			start, err := time.Parse(time.RFC3339Nano, ts.Getenv(clocks))
			ts.Check(err)
			limit, err := time.ParseDuration(args[0])
			ts.Check(err)
			if took := time.Since(start); took > limit {
				ts.Fatalf("it took %v, more than %v", took, limit)
			}
		},
	}
}

// writeCertificates writes what somebody needs to show a certificate and to
// trust an authority.
func writeCertificates(t *testing.T, dir string, ca *envoytest.CA, c tls.Certificate) {
	t.Helper()
	cert, key := envoytest.PEM(t, c)
	for name, text := range map[string][]byte{"ca.crt": ca.PEM(), "tls.crt": cert, "tls.key": key} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG...")
	}
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if want := args[0]; strconv.Itoa(got) != want {
		ts.Fatalf("%v exits with %d, want %s", args[1:], got, want)
	}
}

// patience bounds what a busy machine under -race may need.
const patience = 30 * time.Second

func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await FILE REGEX")
	}
	want := regexp.MustCompile("(?m)" + args[1])
	err := eventually(patience, func() error {
		text, err := os.ReadFile(ts.MkAbs(args[0]))
		if err == nil && !want.Match(text) {
			err = fmt.Errorf("no match for %s in %s:\n%s", args[1], filepath.Base(args[0]), text)
		}
		return err
	})
	ts.Check(err)
}

// eventually is envoytest.Eventually for where there is no testing.TB.
func eventually(within time.Duration, ok func() error) error {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(within); ; <-ticker.C {
		if err := ok(); err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

func signalBackground(ts *testscript.TestScript, neg bool, args []string) {
	signals := map[string]syscall.Signal{"TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP, "INT": syscall.SIGINT}
	if neg || len(args) != 1 || signals[args[0]] == 0 {
		ts.Fatalf("usage: signal TERM|HUP|INT")
	}
	for _, cmd := range ts.BackgroundCmds() {
		ts.Check(cmd.Process.Signal(signals[args[0]]))
	}
}
