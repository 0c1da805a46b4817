package consensus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"kimberlite/log"
)

// A full disk refuses proposals before anything is written, and the leader goes on when there is space.
func TestFullDisk(t *testing.T) {
	var full atomic.Bool
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		inLog := strings.Contains(op.Path, ".log") || strings.Contains(op.Path, ".spare")
		if full.Load() && inLog && (op.Kind == errorfs.OpFileWriteAt || op.Kind == errorfs.OpCreate) {
			return syscall.ENOSPC
		}
		return nil
	}))
	r := &recorder{}
	l := openLog(t, fs, "data", log.Options{SegmentBytes: 3000, Compression: log.CompressNone, Manual: true})
	g := startGroup(t, l, r)
	propose := func() error {
		_, err := g.Propose(context.Background(), log.KindTransaction, make([]byte, 500))
		return err
	}
	for range 20 {
		if err := propose(); err != nil {
			t.Fatal(err)
		}
	}
	full.Store(true)
	refused, unknown := 0, 0
	for range 20 {
		switch err := propose(); {
		case err == nil:
			t.Fatal("written to a full disk")
		case !errors.Is(err, log.ErrDiskFull):
			t.Fatal(err)
		case errors.Is(err, ErrProposalDropped):
			refused++
		case errors.Is(err, ErrOutcomeUnknown):
			unknown++
		default:
			t.Fatal(err)
		}
	}
	if refused < 19 || g.Status().State != StateNormal {
		t.Fatalf("refused %d, unknown %d: %+v", refused, unknown, g.Status())
	}
	full.Store(false)
	for deadline := time.Now().Add(5 * time.Second); ; {
		err := propose()
		if err == nil {
			break
		}
		if !errors.Is(err, log.ErrDiskFull) || time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := propose(); err != nil {
		t.Fatal(err)
	}
	g.Stop()
	l.Close()
}

// A leader that cannot sync acknowledges nothing more, and says why.
func TestBrokenDisk(t *testing.T) {
	var broken atomic.Bool
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if broken.Load() && op.Kind == errorfs.OpFileSyncData && strings.Contains(op.Path, "data/log") {
			return syscall.EIO
		}
		return nil
	}))
	l := openLog(t, fs, "data", log.Options{})
	g := startGroup(t, l, &recorder{})
	if _, err := g.Propose(context.Background(), log.KindTransaction, nil); err != nil {
		t.Fatal(err)
	}
	broken.Store(true)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			_, err := g.Propose(context.Background(), log.KindTransaction, nil)
			if err == nil || !errors.Is(err, syscall.EIO) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	<-g.Done()
	if st := g.Status(); !errors.Is(st.Failed, syscall.EIO) || st.IsLeader() || g.IsLeader() {
		t.Fatalf("%+v", st)
	}
	if _, err := g.Propose(context.Background(), log.KindTransaction, nil); !errors.Is(err, ErrStopped) || !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	g.Stop()
	l.Close()
}

// lyingFS says that it has synced the log and has not: the bug that the simulations exist for.
type lyingFS struct{ vfs.FS }

func (fs lyingFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := fs.FS.OpenReadWrite(name, c, opts...)
	if err == nil && strings.Contains(name, ".spare") {
		return lyingFile{f}, nil
	}
	return f, err
}

type lyingFile struct{ vfs.File }

func (lyingFile) SyncData() error { return nil }

// TestAlarmRings plants a skipped sync and expects the checkers of the simulations to notice.
func TestAlarmRings(t *testing.T) {
	disk := vfs.NewCrashableMem()
	l := openLog(t, lyingFS{disk}, "data", log.Options{})
	g := startGroup(t, l, &recorder{})
	book := newLedger()
	for i := range 10 {
		payload := fmt.Sprint(i)
		p, err := g.Propose(context.Background(), log.KindTransaction, []byte(payload))
		if err := book.tell(payload, p, err); err != nil {
			t.Fatal(err)
		}
	}
	lost := disk.CrashClone(vfs.CrashCloneCfg{})
	g.Stop()
	l.Close()
	l, err := log.Open(lost, "data", log.Options{})
	if err != nil {
		return // noticed by the log itself
	}
	defer l.Close()
	last, _ := l.Last()
	if err := book.check(l, last); err == nil && last >= book.highest() {
		t.Fatal("a skipped sync was not noticed")
	}
}

// With the async policy a killed process loses nothing, since the events are with the operating system.
func TestAsyncPolicy(t *testing.T) {
	fs := vfs.NewMem()
	l := openLog(t, fs, "data", log.Options{Sync: log.SyncAsync, AsyncInterval: time.Hour})
	g := startGroup(t, l, &recorder{})
	for range 100 {
		if _, err := g.Propose(context.Background(), log.KindTransaction, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if l.Durable() > 50 {
		t.Fatal("async syncs")
	}
	g.Stop()
	// No Close: the process is gone. Only the lock must be.
	copied := fs
	l.Close()
	l = openLog(t, copied, "data", log.Options{})
	if last, _ := l.Last(); last != 102 {
		t.Fatal(last)
	}
	l.Close()
}
