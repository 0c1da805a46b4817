package log

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.etcd.io/raft/v3/raftpb"
)

// tailFile is a log with three events in one segment, open for surgery. The third event's payload spans several sectors.
type tailFile struct {
	t      *testing.T
	fs     *vfs.MemFS
	name   string
	ends   [4]int64 // offset after event i
	acked  Position
	footer bool
}

func newTailFile(t *testing.T, acked Position, sealed bool) *tailFile {
	t.Helper()
	f := &tailFile{t: t, fs: vfs.NewMem(), acked: acked, footer: sealed}
	l := mustOpen(t, f.fs, testOptions())
	f.ends[0] = segmentHeaderSize
	for i, n := range []int{100, 1112, 3000} {
		payload := strings.Repeat("abcdefg.", n/8)
		if err := l.Append([]*raftpb.Entry{testEntry(Position(i+1), 1, payload)}); err != nil {
			t.Fatal(err)
		}
		f.ends[i+1] = l.Segments()[0].RawBytes
		if i < 2 { // event 3 is written but nothing later proves that it was synced
			if err := l.Sync(); err != nil {
				t.Fatal(err)
			}
		}
	}
	l.Acknowledge(acked)
	if sealed {
		l.appendMu.Lock()
		if err := l.sealActive(); err != nil {
			t.Fatal(err)
		}
		l.appendMu.Unlock()
	}
	f.name = "data/log/" + l.Segments()[0].Name
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return f
}

// patch changes bytes [from, to) of the segment.
func (f *tailFile) patch(from, to int64, change func([]byte)) {
	f.t.Helper()
	patchFile(f.t, f.fs, f.name, from, to, change)
}

func patchFile(t testing.TB, fs vfs.FS, name string, from, to int64, change func([]byte)) {
	t.Helper()
	file, err := fs.OpenReadWrite(name, diskCategory)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	b := make([]byte, to-from)
	if n, err := readAtMost(file, b, from); err != nil || n < len(b) {
		t.Fatal(n, err)
	}
	change(b)
	if _, err := file.WriteAt(b, from); err != nil {
		t.Fatal(err)
	}
}

func flip(b []byte) { b[0] ^= 0x40 }

// sectorAfter is the first sector border at or after an offset.
func sectorAfter(offset int64) int64 { return (offset + sectorBytes - 1) / sectorBytes * sectorBytes }

// Every row of the table in recover.go, and at least one way to get there.
func TestTailTable(t *testing.T) {
	type want struct {
		row    string
		last   Position // after recovery; for a refusal, one before the named position
		refuse bool
	}
	rows := []struct {
		name   string
		acked  Position
		sealed bool
		damage func(f *tailFile)
		want   want
	}{
		{"T1 nothing happened", 2, false, func(f *tailFile) {}, want{"", 3, false}},
		{"T1 the last record never reached the disk", 2, false, func(f *tailFile) { f.patch(f.ends[2], f.ends[3], zero) }, want{"", 2, false}},
		{"T2 header lost, payload there", 2, false, func(f *tailFile) { f.patch(f.ends[2], sectorAfter(f.ends[2]+recordHeaderSize), zero) }, want{"T2", 2, false}},
		{"T2 a stray bit in the zeros", 2, false, func(f *tailFile) { f.patch(f.ends[3]+5000, f.ends[3]+5001, flip) }, want{"T2", 3, false}},
		{"T3 a sector of the payload lost", 2, false, func(f *tailFile) {
			s := sectorAfter(f.ends[2] + recordHeaderSize)
			f.patch(s, s+sectorBytes, zero)
		}, want{"T3", 2, false}},
		{"T3 the payload's end lost", 2, false, func(f *tailFile) { f.patch(sectorAfter(f.ends[3])-sectorBytes, f.ends[3], zero) }, want{"T3", 2, false}},
		{"T4 a bit of the payload", 2, false, func(f *tailFile) { f.patch(f.ends[3]-100, f.ends[3]-99, flip) }, want{"T4", 2, true}},
		{"T5 the header's second half lost", 2, false, func(f *tailFile) {
			// Move event 3's header across a sector border by making room: patch only when it straddles; else lose its sector.
			s := sectorAfter(f.ends[2] + 1)
			if s < f.ends[2]+recordHeaderSize {
				f.patch(s, f.ends[2]+recordHeaderSize, zero)
			} else {
				f.t.Fatal("the fixture's header does not straddle a sector border")
			}
		}, want{"T5", 2, false}},
		{"T6 a bit of the header", 2, false, func(f *tailFile) { f.patch(f.ends[2]+20, f.ends[2]+21, flip) }, want{"T6", 2, true}},
		{"T6 a bit of the length", 2, false, func(f *tailFile) { f.patch(f.ends[2]+9, f.ends[2]+10, flip) }, want{"T6", 2, true}},
		{"T7 torn, but a later record knows better", 0, false, func(f *tailFile) { f.patch(f.ends[0], f.ends[0]+recordHeaderSize, zero) }, want{"T7", 0, true}},
		{"T7 torn, but meta knows better", 3, false, func(f *tailFile) { f.patch(sectorAfter(f.ends[3])-sectorBytes, f.ends[3], zero) }, want{"T7", 2, true}},
		{"T7 torn, but the footer knows better", 2, true, func(f *tailFile) { f.patch(sectorAfter(f.ends[3])-sectorBytes, f.ends[3], zero) }, want{"T7", 2, true}},
		{"T8 another event's record", 2, false, func(f *tailFile) {
			f.patch(f.ends[2], f.ends[3], func(b []byte) {
				h := recordHeader{unsynced: 1, position: 9, view: 1, kind: KindTransaction}
				copy(b, appendRecord(nil, &h, b[recordHeaderSize:]))
			})
		}, want{"T8", 2, true}},
		{"T8 a changed event with right checksums", 2, false, func(f *tailFile) {
			f.patch(f.ends[2], f.ends[3], func(b []byte) {
				var h recordHeader
				decodeRecordHeader(b, &h)
				b[recordHeaderSize+7] ^= 1
				copy(b, appendRecord(nil, &h, b[recordHeaderSize:]))
			})
		}, want{"T8", 2, true}},
		{"T9 sealed, successor missing", 2, true, func(f *tailFile) {}, want{"", 3, false}},
		{"T10 a truncation was interrupted", 2, false, func(f *tailFile) {
			f.setMeta(func(s *metaState) { s.truncating, s.keep = true, 2 })
			f.patch(f.ends[2]+300, f.ends[2]+900, zero)
		}, want{"T10", 2, false}},
		{"T11 events gone", 3, false, func(f *tailFile) { f.patch(f.ends[2], f.ends[3], zero) }, want{"T11", 2, true}},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			f := newTailFile(t, r.acked, r.sealed)
			r.damage(f)
			var cut *TailCut
			var noticed *CorruptionError
			opts := testOptions()
			opts.Hooks.TailCut = func(c TailCut) { cut = &c }
			opts.Hooks.ChecksumFailure = func(e *CorruptionError) { noticed = e }
			l, err := Open(f.fs, "data", opts)
			if r.want.row == "T11" {
				if !errors.Is(err, ErrLogShorter) {
					t.Fatalf("got %v", err)
				}
				return
			}
			if r.want.refuse {
				var c *CorruptionError
				if !errors.As(err, &c) || c.Case != r.want.row || c.Position != r.want.last+1 || c.Offset != f.ends[r.want.last] || c != noticed {
					t.Fatalf("got %+v", err)
				}
				if !strings.Contains(err.Error(), c.Segment) {
					t.Fatal(err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if (cut == nil) != (r.want.row == "") || cut != nil && (cut.Case != r.want.row || cut.Next != r.want.last+1 || cut.Offset != f.ends[r.want.last]) {
				t.Fatalf("cut %+v", cut)
			}
			if last, _ := l.Last(); last != r.want.last {
				t.Fatalf("last is %d", last)
			}
			// The log goes on from there, and a second start finds nothing to complain about.
			appendN(t, l, r.want.last+1, r.want.last+3, 2)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if rep, err := VerifyDir(context.Background(), f.fs, "data", nil); err != nil || rep.TornTail != nil || rep.Last != r.want.last+3 {
				t.Fatalf("%+v %v", rep, err)
			}
		})
	}
}

func zero(b []byte) { clear(b) }

func (f *tailFile) setMeta(change func(*metaState)) {
	f.t.Helper()
	patchFile(f.t, f.fs, "data/meta/state", 0, 2*metaSlotSize, func(b []byte) {
		s, err := decodeMetaState(b)
		if err != nil {
			f.t.Fatal(err)
		}
		change(&s)
		copy(b, s.encode())
		copy(b[metaSlotSize:], s.encode())
	})
}

// One flipped bit, anywhere in any segment, is found by opening or by verifying, and the segment is named.
func TestFlippedBits(t *testing.T) {
	base := vfs.NewMem()
	opts := testOptions()
	opts.SegmentBytes, opts.Compression = 1000, CompressZstd
	l := mustOpen(t, base, opts)
	appendN(t, l, 1, 12, 1)
	l.SetHardState(HardState{View: 1, Commit: 9})
	l.Maintain() // compresses what is committed
	appendN(t, l, 13, 14, 1)
	states := map[SegmentState]int{}
	segments := l.Segments()
	for _, s := range segments {
		states[s.State]++
	}
	if states[SegmentActive] != 1 || states[SegmentSealed] == 0 || states[SegmentCompressed] == 0 {
		t.Fatalf("%v", states)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, s := range segments {
		path := "data/log/" + s.Name
		for offset := int64(0); offset < s.Bytes; offset++ {
			mask := byte(1) << (uint64(offset) * 5 % 8)
			change := func(b []byte) { b[0] ^= mask }
			patchFile(t, base, path, offset, offset+1, change)
			rep, err := VerifyDir(context.Background(), base, "data", nil)
			var c *CorruptionError
			switch {
			case errors.As(err, &c):
				// A broken link between two segments may be reported at either end.
				if c.Segment != s.Name && c.Position != s.Last+1 {
					t.Fatalf("%s@%d: reported %v", s.Name, offset, err)
				}
				if c.Position < s.First || c.Position > s.Last+1 {
					t.Fatalf("%s@%d: position %d", s.Name, offset, c.Position)
				}
			case errors.Is(err, ErrNewerFormat):
			case err == nil && rep.TornTail != nil && s.State == SegmentActive && rep.TornTail.Segment == s.Name:
			default:
				t.Fatalf("%s@%d (%s): a flipped bit was not found: %+v %v", s.Name, offset, s.State, rep, err)
			}
			patchFile(t, base, path, offset, offset+1, change)
		}
	}
	if _, err := VerifyDir(context.Background(), base, "data", nil); err != nil {
		t.Fatal(err)
	}
}

// Damage in a sealed segment is found by whoever reads it, and by the online verify; a wrong event is never returned.
func TestDamageFoundByReaders(t *testing.T) {
	for _, compression := range []Compression{CompressNone, CompressZstd} {
		fs := vfs.NewMem()
		opts := testOptions()
		opts.SegmentBytes, opts.Compression = 1000, compression
		failures := 0
		opts.Hooks.ChecksumFailure = func(*CorruptionError) { failures++ }
		l := mustOpen(t, fs, opts)
		appendN(t, l, 1, 20, 1)
		l.SetHardState(HardState{View: 1, Commit: 20})
		l.Maintain()
		l.Close()
		l = mustOpen(t, fs, opts)
		first := l.Segments()[0]
		patchFile(t, fs, "data/log/"+first.Name, first.Bytes-segmentFooterSize-20, first.Bytes-segmentFooterSize-19, flip)
		if compression == CompressNone {
			patchFile(t, fs, "data/log/"+first.Name, first.RawBytes-3, first.RawBytes-2, flip)
		}
		if _, err := l.Read(first.Last, first.Last+1, 1<<20); !errors.Is(err, ErrCorrupt) {
			t.Fatal(err)
		}
		if _, err := l.Entries(1, uint64(first.Last+1), 1<<20); !errors.Is(err, ErrCorrupt) {
			t.Fatal(err)
		}
		if _, err := l.Verify(context.Background(), nil); !errors.Is(err, ErrCorrupt) {
			t.Fatal(err)
		}
		if failures != 3 || l.Stats().Corruptions != 3 {
			t.Fatal(failures)
		}
		if events, err := l.Read(first.Last+1, 21, 1<<20); err != nil || len(events) != int(20-first.Last) {
			t.Fatal(err)
		}
		// Inspect shows the damage and what is behind it.
		damaged, seen := 0, 0
		err := Inspect(fs, "data", 1, func(r Record) bool {
			if r.Damage != nil {
				damaged++
			} else {
				seen++
			}
			return true
		})
		if err != nil || damaged == 0 || seen < int(20-first.Last) {
			t.Fatal(damaged, seen, err)
		}
		l.Close()
	}
}

// A damaged copy of meta/state costs nothing; two damaged copies are refused.
func TestMetaCopies(t *testing.T) {
	for offset := int64(0); offset < 2*metaSlotSize; offset += 7 {
		fs := vfs.NewMem()
		l := mustOpen(t, fs, testOptions())
		if err := l.SetHardState(HardState{View: 5, Vote: 3}); err != nil {
			t.Fatal(err)
		}
		l.Close()
		patchFile(t, fs, "data/meta/state", offset, offset+1, flip)
		l = mustOpen(t, fs, testOptions())
		if hs := l.HardState(); hs.View != 5 || hs.Vote != 3 {
			t.Fatalf("%+v", hs)
		}
		l.Close()
		patchFile(t, fs, "data/meta/state", 100, 101, flip)
		patchFile(t, fs, "data/meta/state", metaSlotSize+100, metaSlotSize+101, flip)
		if _, err := Open(fs, "data", testOptions()); !errors.Is(err, ErrCorrupt) {
			t.Fatal(err)
		}
	}
}
