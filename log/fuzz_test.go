package log

import (
	"context"
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// fuzzBase is a small log, opened again and again with damage.
func fuzzBase(t testing.TB) (*vfs.MemFS, []Event) {
	fs := vfs.NewMem()
	opts := testOptions()
	opts.SegmentBytes, opts.Compression = 1500, CompressZstd
	l := mustOpen(t, fs, opts)
	appendN(t, l, 1, 20, 1)
	if err := l.SetHardState(HardState{View: 1, Commit: 8}); err != nil {
		t.Fatal(err)
	}
	l.Maintain()
	events, err := l.Read(1, 21, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return fs, events
}

// FuzzRecovery overwrites part of one file with anything. Opening and verifying may refuse, but never panic, and never return an event
// that was not appended.
func FuzzRecovery(f *testing.F) {
	f.Add(uint8(0), uint16(0), []byte{1})
	f.Add(uint8(1), uint16(200), []byte{0, 0, 0, 0, 0, 0, 0, 0})
	f.Add(uint8(2), uint16(1400), make([]byte, 100))
	f.Add(uint8(5), uint16(130), []byte("garbage"))
	f.Fuzz(func(t *testing.T, file uint8, offset uint16, patch []byte) {
		if len(patch) > 4096 {
			return
		}
		fs, want := fuzzBase(t)
		names, _ := fs.List("data/log")
		paths := []string{"data/meta/state", "data/meta/identity"}
		for _, n := range names {
			if _, _, ok := parseSegmentName(n); ok {
				paths = append(paths, "data/log/"+n)
			}
		}
		path := paths[int(file)%len(paths)]
		w, err := fs.OpenReadWrite(path, diskCategory)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.WriteAt(append([]byte(nil), patch...), int64(offset)); err != nil {
			t.Fatal(err)
		}
		w.Close()
		_, _ = VerifyDir(context.Background(), fs, "data", nil)
		if err := Inspect(fs, "data", 1, func(Record) bool { return true }); err != nil {
			t.Fatal(err)
		}
		l, err := Open(fs, "data", testOptions())
		if err != nil {
			return
		}
		defer l.Close()
		last, _ := l.Last()
		for p := l.First(); p <= last; {
			events, err := l.Read(p, last+1, 1<<20)
			if err != nil {
				if !errors.Is(err, ErrCorrupt) {
					t.Fatal(err)
				}
				return
			}
			for _, ev := range events {
				if ev.Position > 20 || ev.Hash != want[ev.Position-1].Hash || string(ev.Payload) != string(want[ev.Position-1].Payload) {
					t.Fatalf("a wrong event came back: %+v", ev)
				}
				p++
			}
		}
	})
}

// FuzzDecode feeds anything to the decoders of bytes from disk.
func FuzzDecode(f *testing.F) {
	f.Add(make([]byte, 200))
	f.Add(appendRecord(nil, &recordHeader{unsynced: 1, position: 1, view: 1, kind: 1}, []byte("x")))
	f.Add((&segmentHeader{first: 1}).encode())
	f.Add((&segmentFooter{first: 1, last: 1, end: 300}).encode())
	f.Add((&metaState{view: 3}).encode())
	f.Add(encodeIdentity(testIdentity))
	f.Fuzz(func(t *testing.T, b []byte) {
		var h recordHeader
		decodeRecordHeader(b, &h)
		_, _ = decodeSegmentHeader(b)
		_, _ = decodeSegmentFooter(b)
		_, _ = decodeBlockHeader(b)
		_, _ = decodeMetaState(b)
		if id, err := decodeIdentity(b); err == nil && string(encodeIdentity(id)) != string(b) {
			if again, err := decodeIdentity(encodeIdentity(id)); err != nil || again != id {
				t.Fatalf("%+v, %+v, %v", id, again, err)
			}
		}
		sc := newScanner(bytesAt(b), 0, int64(len(b)), false)
		for {
			status, _, err := sc.next()
			if err != nil || status != scanRecord {
				break
			}
		}
		var z codec
		defer z.close()
		_ = walkBlocks("fuzz", bytesAt(b), 1, int64(len(b)), func(offset int64, h *blockHeader, frame []byte) error {
			_, err := z.decodeBlock("fuzz", offset, h, frame)
			return err
		})
	})
}
