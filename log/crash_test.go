package log

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"go.etcd.io/raft/v3/raftpb"

	"kimberlite/internal/seeds"
)

func testRNG() *rand.Rand { return rand.New(rand.NewPCG(1, 1)) }

// model is what the log must hold.
type model struct {
	entries []*raftpb.Entry // entries[i] is position first+i
	next    []*raftpb.Entry // what an Append under way turns it into; nil when none is
	synced  Position        // everything up to here must survive
	hard    HardState
	hardTo  *HardState // a SetHardState under way
	acked   Position
}

func at(entries []*raftpb.Entry, p Position) *raftpb.Entry {
	if p == 0 || p > Position(len(entries)) {
		return nil
	}
	return entries[p-1]
}

func same(e *raftpb.Entry, ev *Event) bool {
	return e != nil && e.GetTerm() == ev.View && string(e.Data) == string(EntryData(ev.Kind, ev.Proposal, ev.Payload))
}

// check compares a recovered log with the model and makes the model what was recovered.
func (m *model) check(l *Log) error {
	last, _ := l.Last()
	first := l.First()
	if last < m.synced {
		return fmt.Errorf("synced up to %d, but the log ends at %d", m.synced, last)
	}
	if _, err := l.Verify(context.Background(), nil); err != nil {
		return err
	}
	old, changed := true, true // may the log be a prefix of entries, of next?
	var got []*raftpb.Entry
	got = append(got, m.entries[:first-1]...)
	for p := first; p <= last; {
		events, err := l.Read(p, last+1, 1000)
		if err != nil {
			return err
		}
		for i := range events {
			old = old && same(at(m.entries, p), &events[i])
			changed = changed && same(at(m.next, p), &events[i])
			if !old && !changed {
				return fmt.Errorf("position %d is not what was appended", p)
			}
			got = append(got, entryOf(&events[i]))
			p++
		}
	}
	hs := l.HardState()
	if hs.View != m.hard.View || hs.Vote != m.hard.Vote {
		if m.hardTo == nil || hs.View != m.hardTo.View || hs.Vote != m.hardTo.Vote {
			return fmt.Errorf("hard state is %+v, was %+v", hs, m.hard)
		}
	}
	if hs.Commit > last {
		return fmt.Errorf("commit %d after the end %d", hs.Commit, last)
	}
	*m = model{entries: got, synced: last, hard: HardState{View: hs.View, Vote: hs.Vote, Commit: m.hard.Commit}, acked: m.acked}
	return nil
}

// TestSimPowerLoss appends, truncates, compresses, drops, and pulls the plug in the middle of some file operation: each block that was not
// synced may be there or not. Then it opens the log again and compares.
func TestSimPowerLoss(t *testing.T) {
	seeds.Each(t, 100, func(t *testing.T, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 1))
		disk := vfs.NewCrashableMem()
		m := &model{}
		for round := range 4 {
			var crashed *vfs.MemFS
			countdown := 1 + rng.IntN(300)
			percent := []int{0, 50, 100}[rng.IntN(3)]
			current := disk
			fs := errorfs.Wrap(current, errorfs.InjectorFunc(func(op errorfs.Op) error {
				if op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
					if countdown--; countdown == 0 {
						crashed = current.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rng})
					}
					if countdown <= 0 {
						return errorfs.ErrInjected // the machine is off
					}
				}
				return nil
			}))
			opts := testOptions()
			opts.SegmentBytes = []int64{1, 2000, 9000, 40000}[rng.IntN(4)]
			if rng.IntN(2) == 0 {
				opts.Compression = CompressZstd
			}
			opts.CacheBytes = int64(rng.IntN(3000) + 1)
			l, err := Open(fs, "data", opts)
			if err == nil {
				if err := m.check(l); err != nil {
					t.Errorf("seed %d round %d: %v", seed, round, err)
					return
				}
				m.run(l, rng, func() bool { return crashed != nil })
				l.Close()
			} else if crashed == nil {
				t.Errorf("seed %d round %d: %v", seed, round, err)
				return
			}
			if crashed == nil {
				crashed = disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rng})
			}
			disk = crashed
		}
		l, err := Open(disk, "data", testOptions())
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
			return
		}
		if err := m.check(l); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		l.Close()
	})
}

// run does random things until the plug is pulled.
func (m *model) run(l *Log, rng *rand.Rand, off func() bool) {
	for range 200 {
		if off() {
			return
		}
		switch rng.IntN(12) {
		case 0, 1, 2, 3, 4, 5:
			m.append(l, rng, Position(len(m.entries)), max(m.hard.View, 1))
		case 6:
			// A new leader overwrites an uncommitted tail.
			keep := m.hard.Commit + Position(rng.Uint64N(uint64(Position(len(m.entries))-m.hard.Commit)+1))
			hs := HardState{View: max(m.hard.View, 1) + 1, Vote: rng.Uint64N(3), Commit: m.hard.Commit}
			m.hardTo = &hs
			if l.SetHardState(hs) != nil {
				return
			}
			m.hard, m.hardTo = hs, nil
			m.append(l, rng, keep, hs.View)
		case 7, 8:
			// Commit what is synced, and tell somebody.
			hs := m.hard
			hs.Commit = max(hs.Commit, m.synced)
			if l.SetHardState(hs) != nil {
				return
			}
			m.hard = hs
			m.acked = hs.Commit
			l.Acknowledge(m.acked)
		case 9, 10:
			l.Maintain()
		case 11:
			if l.DropBefore(Position(rng.Uint64N(uint64(m.hard.Commit)+1))) != nil {
				return
			}
		}
	}
}

// append replaces what is after keep by a few new entries.
func (m *model) append(l *Log, rng *rand.Rand, keep Position, view uint64) {
	next := append([]*raftpb.Entry(nil), m.entries[:keep]...)
	for range 1 + rng.IntN(5) {
		p := Position(len(next) + 1)
		size := rng.IntN(200)
		if rng.IntN(10) == 0 {
			size = rng.IntN(9000)
		}
		e := testEntry(p, view, strings.Repeat(fmt.Sprintf("%d/%d ", p, view), size/6+1))
		if rng.IntN(8) == 0 {
			e.Data = EntryData(KindChunk, uint64(p), make([]byte, size)) // zeros look like what was never written
		}
		next = append(next, e)
	}
	m.next = next
	m.synced = min(m.synced, keep)
	if rng.IntN(2) == 0 {
		_ = l.Reserve(len(next)-int(keep), 2000)
	}
	if l.Append(next[keep:]) != nil {
		return
	}
	m.entries, m.next = next, nil
	if rng.IntN(3) > 0 {
		if l.Sync() == nil {
			m.synced = Position(len(m.entries))
		}
	}
}

// A full disk refuses without damage, and the log goes on when there is space. An I/O error stops it.
func TestDiskFull(t *testing.T) {
	for fail := range 60 {
		full := false
		countdown := fail
		mem := vfs.NewMem()
		fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if full && (op.Kind == errorfs.OpFileWriteAt || op.Kind == errorfs.OpFileWrite || op.Kind == errorfs.OpCreate) {
				if countdown--; countdown < 0 {
					return syscall.ENOSPC
				}
			}
			return nil
		}))
		opts := testOptions()
		opts.SegmentBytes = 3000
		l := mustOpen(t, fs, opts)
		appendN(t, l, 1, 7, 1)
		full = true
		refused := false
		for p := Position(8); p <= 60; p++ {
			err := l.Append([]*raftpb.Entry{testEntry(p, 1, payloadOf(p, 1))})
			if err != nil {
				if l.Failed() != nil {
					break // even cleaning up met the full disk: stopped, which is safe
				}
				if !errors.Is(err, ErrDiskFull) {
					t.Fatal(err)
				}
				refused = true
				if last, _ := l.Last(); last != p-1 {
					t.Fatalf("last is %d after a refusal of %d", last, p)
				}
				full = false
				p--
				continue
			}
			if err := l.Sync(); err != nil {
				t.Fatal(err)
			}
		}
		full = false
		if l.Failed() == nil {
			wantEvents(t, l, 1, 60, view1)
			if !refused && fail < 40 {
				t.Fatal("the disk was never full")
			}
		}
		last, _ := l.Last()
		l.Close()
		l = mustOpen(t, mem, opts)
		wantEvents(t, l, 1, last, view1)
		l.Close()
	}
}

// After Reserve, a disk that is full does not matter.
func TestReserve(t *testing.T) {
	full := false
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		// A write inside what is allocated already needs no space; the simulated disk knows it by offset.
		if full && op.Kind == errorfs.OpCreate {
			return syscall.ENOSPC
		}
		return nil
	}))
	opts := testOptions()
	opts.SegmentBytes = 3000
	l := mustOpen(t, fs, opts)
	for p := Position(1); p <= 50; p++ {
		if err := l.Reserve(1, int64(len(payloadOf(p, 1)))); err != nil {
			t.Fatal(err)
		}
		full = true
		before := l.active().zeroed
		if err := l.Append([]*raftpb.Entry{testEntry(p, 1, payloadOf(p, 1))}); err != nil {
			t.Fatal(err)
		}
		if a := l.active(); len(l.Segments()) == 1 && a.zeroed != before {
			t.Fatalf("the file grew after Reserve: %d to %d", before, a.zeroed)
		}
		full = false
	}
	// And without space, Reserve refuses before anything is written.
	full = true
	for p := Position(51); ; p++ {
		if err := l.Reserve(1, 500); err != nil {
			if !errors.Is(err, ErrDiskFull) || l.Failed() != nil {
				t.Fatal(err)
			}
			break
		}
		if err := l.Append([]*raftpb.Entry{testEntry(p, 1, strings.Repeat("y", 500))}); err != nil {
			t.Fatal(err)
		}
	}
	l.Close()
}

// A failed sync is never tried again: the kernel may have thrown the pages away.
func TestFailedSyncStopsTheLog(t *testing.T) {
	broken := false
	var failed error
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if broken && op.Kind == errorfs.OpFileSyncData && strings.Contains(op.Path, "log") {
			return syscall.EIO
		}
		return nil
	}))
	opts := testOptions()
	opts.Hooks.Failed = func(err error) { failed = err }
	l := mustOpen(t, fs, opts)
	appendN(t, l, 1, 3, 1)
	broken = true
	if err := l.Append([]*raftpb.Entry{testEntry(4, 1, "x")}); err != nil {
		t.Fatal(err)
	}
	if err := l.Sync(); !errors.Is(err, ErrFailed) || !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	broken = false
	if err := l.Sync(); !errors.Is(err, ErrFailed) {
		t.Fatal(err)
	}
	if err := l.Append([]*raftpb.Entry{testEntry(5, 1, "x")}); !errors.Is(err, ErrFailed) || failed == nil {
		t.Fatal(err)
	}
	if l.Durable() != 3 {
		t.Fatal(l.Durable())
	}
	l.Close()
}

// TestNewDirectoriesSurvive: a data directory several levels below what was there before keeps its name when the power fails.
func TestNewDirectoriesSurvive(t *testing.T) {
	disk := vfs.NewCrashableMem()
	l, err := Open(disk, "/srv/db/one", testOptions())
	if err != nil {
		t.Fatal(err)
	}
	appendN(t, l, 1, 3, 1)
	if err := l.Sync(); err != nil {
		t.Fatal(err)
	}
	left := disk.CrashClone(vfs.CrashCloneCfg{})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if l, err = Open(left, "/srv/db/one", testOptions()); err != nil {
		t.Fatal(err)
	}
	wantEvents(t, l, 1, 3, view1)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}
