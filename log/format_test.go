package log

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.etcd.io/raft/v3/raftpb"
	"pgregory.net/rapid"
)

var writeFormat = flag.Bool("write-format", false, "write the golden files of a new format version; never for an existing one")

// goldenLog is a small log with one segment of each state, the same every time.
func goldenLog(t *testing.T) *vfs.MemFS {
	fs := vfs.NewMem()
	opts := testOptions()
	opts.SegmentBytes, opts.Compression = 1, CompressZstd
	opts.Now = func() time.Time { return time.Unix(1700000000, 0) }
	l := mustOpen(t, fs, opts)
	index, view := uint64(1), uint64(1)
	conf := &raftpb.Entry{Index: &index, Term: &view, Type: raftpb.EntryConfChangeV2.Enum(), Data: []byte{0x0a, 0x02, 0x10, 0x01}}
	if err := l.Append([]*raftpb.Entry{conf}); err != nil {
		t.Fatal(err)
	}
	appendN(t, l, 2, 6, 2)
	if err := l.SetConfState(1, &raftpb.ConfState{Voters: []uint64{1}}); err != nil {
		t.Fatal(err)
	}
	if err := l.SetHardState(HardState{View: 2, Vote: 1, Commit: 3}); err != nil {
		t.Fatal(err)
	}
	l.Acknowledge(3)
	l.Maintain()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return fs
}

// Files of format version 1 open for ever, and mean what they meant.
func TestGoldenFormat(t *testing.T) {
	dir := filepath.Join("testdata", "format-v1")
	if *writeFormat {
		fs := goldenLog(t)
		for _, sub := range []string{"log", "meta"} {
			names, _ := fs.List("data/" + sub)
			for _, name := range names {
				if strings.HasSuffix(name, spareSuffix) {
					continue
				}
				b, err := readFile(fs, "data/"+sub+"/"+name)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, sub+"-"+name+".hex"), []byte(hexLines(b)), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.hex"))
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	fs := vfs.NewMem()
	for _, d := range []string{"data", "data/log", "data/meta"} {
		if err := fs.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		b, err := hex.DecodeString(strings.ReplaceAll(string(text), "\n", ""))
		if err != nil {
			t.Fatal(err)
		}
		sub, name, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".hex"), "-")
		if err := writeFileSynced(fs, "data/"+sub+"/"+name, b); err != nil {
			t.Fatal(err)
		}
	}
	if rep, err := VerifyDir(context.Background(), fs, "data", nil); err != nil || rep.Last != 6 ||
		rep.LastHash.String() != "8fa6384e4b110e28694c048d967437dbf7fca31753a5c680a43bf94f29a9b84b" && !*writeFormat {
		t.Fatalf("%+v %v", rep, err)
	}
	l := mustOpen(t, fs, testOptions())
	defer l.Close()
	wantEvents(t, l, 2, 6, func(Position) uint64 { return 2 })
	at, cs, err := l.ConfState()
	if err != nil || at != 1 || len(cs.Voters) != 1 || l.HardState() != (HardState{2, 1, 3}) || l.Stats().Acknowledged != 3 || l.Identity() != testIdentity {
		t.Fatal(at, cs, err, l.HardState())
	}
	states := map[SegmentState]bool{}
	for _, s := range l.Segments() {
		states[s.State] = true
	}
	if len(states) != 3 {
		t.Fatalf("the golden log misses a segment state: %v", states)
	}
}

func hexLines(b []byte) string {
	var s strings.Builder
	for len(b) > 0 {
		n := min(len(b), 32)
		s.WriteString(hex.EncodeToString(b[:n]))
		s.WriteByte('\n')
		b = b[n:]
	}
	return s.String()
}

func TestRecordRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		payload := rapid.SliceOfN(rapid.Byte(), 0, 3000).Draw(t, "payload")
		h := recordHeader{
			length: uint32(len(payload)), unsynced: rapid.Uint32Min(1).Draw(t, "unsynced"), position: Position(rapid.Uint64Min(1).Draw(t, "position")),
			view: rapid.Uint64().Draw(t, "view"), proposal: rapid.Uint64().Draw(t, "proposal"), kind: Kind(rapid.Byte().Draw(t, "kind")),
		}
		copy(h.hash[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "hash"))
		b := appendRecord(nil, &h, payload)
		if int64(len(b)) != recordSize(len(payload)) || len(b)%recordAlign != 0 {
			t.Fatal(len(b))
		}
		sc := newScanner(bytesAt(b), 0, int64(len(b)), true)
		status, got, err := sc.next()
		if status != scanRecord || err != nil || string(got) != string(payload) {
			t.Fatal(status, err)
		}
		h.payloadCRC = sc.header.payloadCRC
		if sc.header != h {
			t.Fatalf("%+v, want %+v", sc.header, h)
		}
	})
}

// The chain is defined by content alone: anybody can compute it.
func TestChainDefinition(t *testing.T) {
	genesis := GenesisHash([16]byte{1, 2, 3})
	small, large := []byte("payload"), make([]byte, 3*chainCopyMax)
	if NextHash(genesis, 1, 2, KindTransaction, small) == NextHash(genesis, 1, 2, KindChunk, small) ||
		NextHash(genesis, 1, 2, KindTransaction, small) == NextHash(genesis, 2, 2, KindTransaction, small) ||
		NextHash(genesis, 1, 2, KindTransaction, small) == NextHash(genesis, 1, 3, KindTransaction, small) {
		t.Fatal("the hash does not cover everything")
	}
	// Small and large payloads take different ways through the hash.
	for _, payload := range [][]byte{small, large[:chainCopyMax], large[:chainCopyMax+1], large} {
		content := append(append([]byte(nil), genesis[:]...), 9, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, byte(KindChunk))
		if NextHash(genesis, 9, 8, KindChunk, payload) != sha256.Sum256(append(content, payload...)) {
			t.Fatal(len(payload))
		}
	}
	if got := NextHash(genesis, 1, 2, KindTransaction, small).String(); got != goldenLink {
		t.Fatal(got)
	}
}

const goldenLink = "17757ceda122c4b73e212c898dbf351867772280490db51b2c3504d9bd6ad2f5" // computed by hand from the definition in format.go
