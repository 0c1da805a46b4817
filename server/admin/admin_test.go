package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kimberlite/consensus"
	"kimberlite/log"
	"kimberlite/pgwire"
	"kimberlite/projections"
	"kimberlite/server"
	"kimberlite/sql/catalog"
)

// newDataDir makes a data directory with a founding event, a leader's view, a catalog, a sequence and a checkpoint. It returns how the log ends.
func newDataDir(t *testing.T) (dir string, last log.Position) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "data")
	l, err := log.Open(vfs.Default, dir, log.Options{Identity: log.Identity{ClusterName: "c", NodeID: 1}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := projections.Open(projections.Options{Dir: server.ProjectionsDir(dir)})
	if err != nil {
		t.Fatal(err)
	}
	g, err := consensus.Start(consensus.Config{Log: l, Applier: projections.NewProjector(s, projections.ProjectorOptions{}), Bootstrap: true})
	if err != nil {
		t.Fatal(err)
	}
	<-g.Ready()
	propose := func(kind log.Kind, payload []byte) (log.Position, error) {
		return g.Propose(context.Background(), kind, payload)
	}
	var ops []projections.CatalogOp
	for _, op := range catalog.Bootstrap() {
		ops = append(ops, op.Log())
	}
	for _, e := range []struct {
		kind    log.Kind
		payload []byte
	}{
		{log.KindCatalog, projections.EncodeTransaction(nil, &projections.Transaction{CommitTime: 1, App: "test", Catalog: ops, Notifications: []projections.Notification{{Channel: "ch", Payload: "pay"}}})},
		{log.KindSequence, projections.EncodeSequences(nil, []projections.SequenceState{{Sequence: 9, Last: 32, Called: true}})},
	} {
		if _, err := propose(e.kind, e.payload); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := projections.ProposeCheckpoint(s, propose); err != nil {
		t.Fatal(err)
	}
	last, _ = l.Last()
	g.Stop()
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, last
}

func verify(dir string) (int, string) {
	var out bytes.Buffer
	status := Verify(context.Background(), dir, &out, &out)
	return status, out.String()
}

func TestVerifyAndRebuild(t *testing.T) {
	dir, _ := newDataDir(t)
	status, before := verify(dir)
	if status != StatusOK || !strings.Contains(before, "log          ok: 1 segments") || !strings.Contains(before, "projections  ok") {
		t.Fatal(status, before)
	}
	var out bytes.Buffer
	if status := Rebuild(context.Background(), dir, &out, &out); status != StatusOK || !strings.Contains(out.String(), "had the same digest") {
		t.Fatal(status, out.String())
	}
	if status, after := verify(dir); status != StatusOK || after != before {
		t.Errorf("%d\n%s\nwant\n%s", status, after, before)
	}
	if err := os.RemoveAll(server.ProjectionsDir(dir)); err != nil {
		t.Fatal(err)
	}
	if status, text := verify(dir); status != StatusOK || !strings.Contains(text, "projections  none") {
		t.Error(status, text)
	}
	out.Reset()
	if status := Rebuild(context.Background(), dir, &out, &out); status != StatusOK || !strings.Contains(out.String(), "no readable projections to compare with") {
		t.Error(status, out.String())
	}
}

// TestVerifyNamesAFlippedBit flips one bit in a record: verify names segment, offset and position, and says so by its status.
func TestVerifyNamesAFlippedBit(t *testing.T) {
	dir, _ := newDataDir(t)
	segments, err := filepath.Glob(filepath.Join(dir, "log", "*.log"))
	if err != nil || len(segments) == 0 {
		t.Fatal(err, segments)
	}
	b, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	b[bytes.Index(b, []byte("pg_database_owner"))] ^= 4
	if err := os.WriteFile(segments[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	status, text := verify(dir)
	if status != StatusDamaged || !strings.Contains(text, "DAMAGED") || !strings.Contains(text, filepath.Base(segments[0])) || !strings.Contains(text, "position 3") {
		t.Error(status, text)
	}
	var out bytes.Buffer
	if status := Rebuild(context.Background(), dir, &out, &out); status != StatusDamaged || !strings.Contains(out.String(), "nothing was touched") {
		t.Error(status, out.String())
	}
	out.Reset()
	if status := Inspect(dir, InspectOptions{}, &out); status != StatusDamaged || !strings.Contains(out.String(), "DAMAGE in ") {
		t.Error(status, out.String())
	}
}

func TestVerifyFindsForeignProjections(t *testing.T) {
	dir, _ := newDataDir(t)
	other, _ := newDataDir(t)
	if err := os.RemoveAll(server.ProjectionsDir(dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(server.ProjectionsDir(other), server.ProjectionsDir(dir)); err != nil {
		t.Fatal(err)
	}
	if status, text := verify(dir); status != StatusDamaged || !strings.Contains(text, "another event at position") || !strings.Contains(text, "kimberlite-admin rebuild") {
		t.Error(status, text)
	}
}

func TestWrongUse(t *testing.T) {
	var out bytes.Buffer
	for _, dir := range []string{filepath.Join(t.TempDir(), "nowhere"), t.TempDir()} {
		if status, text := verify(dir); status != StatusUsage || text == "" {
			t.Error(status, text)
		}
		if status := Rebuild(context.Background(), dir, &out, &out); status != StatusUsage {
			t.Error(status)
		}
		if status := Inspect(dir, InspectOptions{}, &out); status != StatusUsage {
			t.Error(status)
		}
	}
}

func TestInspect(t *testing.T) {
	dir, last := newDataDir(t)
	var out bytes.Buffer
	if status := Inspect(dir, InspectOptions{}, &out); status != StatusOK {
		t.Fatal(status)
	}
	for _, want := range []string{"membership", "a leader opened its view", `application "test"`, `catalog: put database 5 "postgres"`, `notify "ch": "pay"`, "sequence 9 at 32 (called true)", "mark", "digest "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	out.Reset()
	if status := Inspect(dir, InspectOptions{From: 2, To: 4, JSON: true, Rows: true}, &out); status != StatusOK {
		t.Fatal(status)
	}
	next := uint64(2)
	for _, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		var e entry
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Position != next {
			t.Fatal(err, line)
		}
		next++
	}
	if next != 5 {
		t.Error(next)
	}
	out.Reset()
	Inspect(dir, InspectOptions{From: last + 1}, &out)
	if out.String() != "no events there\n" {
		t.Error(out.String())
	}
}

func TestAccessHelpers(t *testing.T) {
	var out bytes.Buffer
	if status := SCRAM(strings.NewReader("secret\n"), &out); status != StatusOK || !pgwire.IsPasswordVerifier(strings.TrimSpace(out.String())) {
		t.Error(status, out.String())
	}
	if status := SCRAM(strings.NewReader("\n"), &out); status != StatusUsage {
		t.Error(status)
	}
	file := filepath.Join(t.TempDir(), "hba")
	if err := os.WriteFile(file, []byte(pgwire.DefaultHBA), 0o600); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	if status := CheckHBA(file, &out); status != StatusOK || !strings.Contains(out.String(), "127.0.0.1 255.255.255.255 trust") {
		t.Error(status, out.String())
	}
	if err := os.WriteFile(file, []byte("host all\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	if status := CheckHBA(file, &out); status != StatusDamaged || !strings.Contains(out.String(), "hba:1: ") {
		t.Error(status, out.String())
	}
}
