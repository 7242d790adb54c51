package examples_test

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"dragoman/cmd/demo/upstream"
	"dragoman/internal/envoytest"
	"dragoman/internal/savetest"
	"dragoman/pipeline"
	"dragoman/snapshot"
	"dragoman/translator"
	"dragoman/watcher"
	"dragoman/xds"
)

// A configuration is an example's directory, free to be changed.
type configuration struct {
	files     map[string]string // YAML by path, with slashes
	listeners map[int]int       // ports as documented → free ones

	volume *savetest.ConfigMap // of the files in mounted/, once they are written
}

var (
	upstreamPort = regexp.MustCompile(`\b(127\.0\.0\.1|localhost):(90\d\d)\b`)
	listenerPort = regexp.MustCompile(`(?m)^port: (\d+)`)
)

// move reads an example and moves it to free ports. The upstreams are started.
func move(t *testing.T, dir string) *configuration {
	t.Helper()
	c := &configuration{files: map[string]string{}, listeners: map[int]int{}}
	moved := map[string]string{}
	for name, text := range yamlFiles(t, dir) {
		text = upstreamPort.ReplaceAllStringFunc(text, func(old string) string {
			host, port, _ := net.SplitHostPort(old)
			if moved[port] == "" {
				moved[port] = startUpstream(t, port)
			}
			return net.JoinHostPort(host, moved[port])
		})
		c.files[name] = listenerPort.ReplaceAllStringFunc(text, func(old string) string {
			from := number(t, strings.TrimPrefix(old, "port: "))
			if c.listeners[from] == 0 { // listeners of two groups may have one port
				c.listeners[from] = envoytest.FreePort(t)
			}
			return fmt.Sprintf("port: %d", c.listeners[from])
		})
	}
	maps.Copy(c.files, textFiles(t, dir, ".crt", ".key"))
	if len(c.listeners) == 0 { // what there is without a listener document
		c.listeners[10000] = envoytest.FreePort(t)
		c.files["listener.yaml"] = fmt.Sprintf("listener: http\nport: %d\n", c.listeners[10000])
	}
	return c
}

// startUpstream starts what the demonstration has on a port, and returns the
// port that it has here.
func startUpstream(t *testing.T, name string) string {
	t.Helper()
	u := envoytest.NewUpstream(t, envoytest.UpstreamOptions{Name: name, Handler: upstream.New(name)})
	_, port, err := net.SplitHostPort(u.Addr)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func number(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// yamlFiles reads the YAML files below a directory.
func yamlFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := textFiles(t, dir, ".yaml")
	if len(out) == 0 {
		t.Fatalf("%s has no YAML files", dir)
	}
	return out
}

// textFiles reads the files below a directory that have one of some endings.
func textFiles(t *testing.T, dir string, endings ...string) map[string]string {
	t.Helper()
	out := map[string]string{}
	root := os.DirFS(dir)
	err := fs.WalkDir(root, ".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || !slices.Contains(endings, path.Ext(name)) {
			return err
		}
		text, err := fs.ReadFile(root, name)
		out[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// write puts files into a new directory, as a checkout has them or, for the
// files of a ConfigMap, as kubelet mounts them.
func (c *configuration) write(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	mounted := c.mounted()
	if len(mounted) == 0 {
		savetest.Checkout(t, dir, c.files)
		return dir
	}
	volume := filepath.Join(dir, "mounted")
	if err := os.Mkdir(volume, 0o755); err != nil {
		t.Fatal(err)
	}
	c.volume = savetest.NewConfigMap(volume)
	c.volume.Write(t, mounted)
	return dir
}

// mounted returns the files of a ConfigMap by their keys.
func (c *configuration) mounted() map[string]string {
	out := map[string]string{}
	for name, text := range c.files {
		if key, ok := strings.CutPrefix(name, "mounted/"); ok {
			out[key] = text
		}
	}
	return out
}

// serve runs the control plane on a directory as the program does, and returns
// the port of xDS once there is something to serve.
func serve(t *testing.T, dir string) int {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	listeners, err := xds.Listen(ctx, "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	server := xds.New(xds.Options{})
	w := watcher.New(dir, watcher.Options{Log: logger(t)})
	published := make(chan struct{})
	var first sync.Once
	p := pipeline.New(pipeline.Options{
		Dir:       dir,
		Hints:     w.Changes(),
		Translate: translator.Options{SystemRoots: roots(t)},
		Log:       logger(t),
		Publish: func(ctx context.Context, s *snapshot.Snapshot) error {
			defer first.Do(func() { close(published) })
			return server.Publish(ctx, s)
		},
	})
	ended := make(chan error)
	go func() { ended <- server.Run(ctx, listeners) }()
	go func() { ended <- w.Run(ctx) }()
	go func() {
		<-w.Armed()
		ended <- p.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		for range 3 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	})
	select {
	case <-published:
	case <-time.After(30 * time.Second):
		t.Fatal("nothing was published")
	}
	tcp, ok := listeners[0].Addr().(*net.TCPAddr)
	if !ok {
		t.Fatalf("xDS is on %v", listeners[0].Addr())
	}
	return tcp.Port
}

// roots is a file of certificate roots: not every machine has one of its own.
func roots(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(name, envoytest.NewCA(t).PEM(), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// A running example is one that a real Envoy has taken.
type running struct {
	*configuration

	envoy *envoytest.Envoy
}

func run(t *testing.T, example string) *running {
	t.Helper()
	envoytest.Binary(t) // skips before anything is started
	c := move(t, example)
	r := &running{c, envoytest.Start(t, envoytest.Options{Bootstrap: envoytest.Original(t, serve(t, c.write(t)))})}
	r.envoy.WaitLive(t)
	for _, port := range c.listeners {
		envoytest.Eventually(t, 10*time.Second, "a listener accepts", func() error {
			conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				return err
			}
			return conn.Close()
		})
	}
	return r
}

// at is where a documented address such as localhost:10000 is here.
func (r *running) at(t *testing.T, documented string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(documented)
	if err != nil {
		t.Fatal(err)
	}
	moved, ok := r.listeners[number(t, port)]
	if !ok {
		t.Fatalf("the example does not listen on %s but on %v", documented, r.listeners)
	}
	return fmt.Sprintf("127.0.0.1:%d", moved)
}
