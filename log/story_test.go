package log

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/cockroachdb/pebble/v2/vfs"
	"go.etcd.io/raft/v3/raftpb"
)

// TestStories plays the scenarios in testdata/stories. Commands:
//
//	open [segment=BYTES] [zstd]      close
//	append WORD... [view=N] [at=N]   events with these payloads, from position `at` on, else behind the last; not synced
//	sync      maintain      commit N (noted and acknowledged)      drop before=N
//	crash [keep=synced|all]          cut the power; the log must be opened again
//	flip segment=NAME offset=N       flip a bit of a file
//	remove-log                       rm -rf log/*
//	events    segments    verify     look
func TestStories(t *testing.T) {
	datadriven.Walk(t, "testdata/stories", func(t *testing.T, path string) {
		s := &story{t: t, fs: vfs.NewCrashableMem(), view: 1}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s.out.Reset()
			if err := s.run(d); err != nil {
				s.out.WriteString(errorText(err) + "\n")
			}
			if s.out.Len() == 0 {
				return "ok\n"
			}
			return s.out.String()
		})
		if s.log != nil {
			s.log.Close()
		}
	})
}

type story struct {
	t    *testing.T
	fs   *vfs.MemFS
	log  *Log
	view uint64
	out  strings.Builder
}

// errorText keeps what tells errors apart and leaves out the advice.
func errorText(err error) string {
	var c *CorruptionError
	if errors.As(err, &c) {
		return fmt.Sprintf("CORRUPT %s offset=%d position=%d row=%s: %s", c.Segment, c.Offset, c.Position, c.Case, c.Reason)
	}
	var shorter *ShorterError
	if errors.As(err, &shorter) {
		return fmt.Sprintf("SHORTER last=%d acknowledged=%d", shorter.Last, shorter.Acknowledged)
	}
	return "error: " + err.Error()
}

func (s *story) run(d *datadriven.TestData) error {
	switch d.Cmd {
	case "open":
		opts := testOptions()
		opts.SegmentBytes = 16 << 10
		d.MaybeScanArgs(s.t, "segment", &opts.SegmentBytes)
		if d.HasArg("zstd") {
			opts.Compression = CompressZstd
		}
		opts.Hooks.TailCut = func(c TailCut) {
			fmt.Fprintf(&s.out, "tail torn at %d (row %s): %s\n", c.Next, c.Case, c.Reason)
		}
		l, err := Open(s.fs, "data", opts)
		if err != nil {
			return err
		}
		s.log = l
		last, hash := l.Last()
		fmt.Fprintf(&s.out, "last=%d head=%s view=%d\n", last, hash.Short(), l.HardState().View)
		return nil
	case "close":
		return s.log.Close()
	case "append":
		return s.append(d)
	case "sync":
		return s.log.Sync()
	case "maintain":
		s.log.Maintain()
		return nil
	case "commit":
		var n uint64
		if _, err := fmt.Sscan(d.CmdArgs[0].Key, &n); err != nil {
			return err
		}
		s.log.Acknowledge(Position(n))
		return s.log.SetHardState(HardState{View: s.view, Vote: 1, Commit: Position(n)})
	case "drop":
		var before uint64
		d.ScanArgs(s.t, "before", &before)
		return s.log.DropBefore(Position(before))
	case "crash":
		if !d.HasArg("keep") {
			return errors.New("crash needs keep=")
		}
		percent := 0
		if d.CmdArgs[0].Vals[0] == "all" {
			percent = 100
		}
		crashed := s.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: testRNG()})
		s.log.Close()
		s.fs, s.log = crashed, nil
		return nil
	case "flip":
		var name string
		var offset int64
		d.ScanArgs(s.t, "segment", &name)
		d.ScanArgs(s.t, "offset", &offset)
		patchFile(s.t, s.fs, "data/log/"+name, offset, offset+1, flip)
		return nil
	case "remove-log":
		names, err := s.fs.List("data/log")
		for _, n := range names {
			err = errors.Join(err, s.fs.Remove("data/log/"+n))
		}
		return err
	case "events":
		last, _ := s.log.Last()
		for p := s.log.First(); p <= last; p++ {
			events, err := s.log.Read(p, p+1, 1)
			if err != nil {
				return err
			}
			fmt.Fprintf(&s.out, "%d view=%d %s %s\n", p, events[0].View, events[0].Payload, events[0].Hash.Short())
		}
		return nil
	case "segments":
		for _, g := range s.log.Segments() {
			fmt.Fprintf(&s.out, "%s %s %d..%d\n", g.Name, g.State, g.First, g.Last)
		}
		return nil
	case "verify":
		r, err := s.log.Verify(context.Background(), nil)
		fmt.Fprintf(&s.out, "%d events in %d segments, chain %d..%d head=%s\n", r.Events, r.Segments, r.First, r.Last, r.LastHash.Short())
		return err
	}
	return errors.New("no such command")
}

func (s *story) append(d *datadriven.TestData) error {
	last, _ := s.log.Last()
	at := uint64(last + 1)
	d.MaybeScanArgs(s.t, "at", &at)
	d.MaybeScanArgs(s.t, "view", &s.view)
	var entries []*raftpb.Entry
	for _, a := range d.CmdArgs {
		if len(a.Vals) == 0 {
			entries = append(entries, testEntry(Position(at)+Position(len(entries)), s.view, a.Key))
		}
	}
	return s.log.Append(entries)
}
