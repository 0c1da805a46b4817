package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kimberlite/log"
	"kimberlite/projections"
	"kimberlite/server"
)

// Exit statuses.
const (
	StatusOK      = 0
	StatusDamaged = 1
	StatusUsage   = 2
)

// Verify checks a data directory and prints what it found to out; progress goes to progress if that is a terminal.
func Verify(ctx context.Context, dataDir string, out, progress io.Writer) int {
	if err := isDataDir(dataDir); err != nil {
		fmt.Fprintln(out, err)
		return StatusUsage
	}
	b := newBar(progress)
	report, err := log.VerifyDir(ctx, vfs.Default, dataDir, func(p log.Progress) {
		b.draw("log", p.Bytes, p.BytesTotal, fmt.Sprintf("%s, position %d", p.Segment, p.Position))
	})
	b.clear()
	if errors.Is(err, log.ErrLocked) {
		fmt.Fprintf(out, "%v\nStop the server first, or ask it: SELECT * FROM kimberlite.verify()\n", err)
		return StatusUsage
	}
	if err != nil {
		if report.Last >= report.First && report.First > 0 {
			fmt.Fprintf(out, "log          in order up to position %d\n", report.Last)
		}
		fmt.Fprintf(out, "log          DAMAGED: %v\n", err)
		return StatusDamaged
	}
	fmt.Fprintf(out, "log          ok: %d segments, %s, positions %d to %d, chain hash %s\n", report.Segments, sizeText(report.Bytes), report.First, report.Last, report.LastHash)
	if t := report.TornTail; t != nil {
		fmt.Fprintf(out, "             a torn tail of %d bytes in %s at offset %d will be cut at the next start (%s); it was never acknowledged\n", t.Bytes, t.Segment, t.Offset, t.Reason)
	}
	return verifyProjections(ctx, dataDir, out, b)
}

func verifyProjections(ctx context.Context, dataDir string, out io.Writer, b *bar) int {
	dir := server.ProjectionsDir(dataDir)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintln(out, "projections  none; the next start makes them from the log")
		return StatusOK
	}
	bad := func(err error) int {
		fmt.Fprintf(out, "projections  DAMAGED: %v\nThe log is whole, so they can be made anew: kimberlite-admin rebuild --data-dir %s\n", err, dataDir)
		return StatusDamaged
	}
	l, err := log.Open(vfs.Default, dataDir, log.Options{ReadOnly: true})
	if err != nil {
		return bad(err)
	}
	defer l.Close()
	follower := server.NewCatalogFollower()
	s, err := projections.Open(projections.Options{Dir: dir, ReadOnly: true, Evaluator: server.NewEvaluator(follower)})
	if errors.Is(err, syscall.EROFS) {
		fmt.Fprintln(out, "projections  not checked: the row store cannot be opened on a read-only file system")
		return StatusOK
	}
	if err != nil {
		return bad(err)
	}
	defer s.Close()
	if err := follower.Load(s); err != nil {
		return bad(err)
	}
	if err := sameHistory(l, s); err != nil {
		return bad(err)
	}
	report, err := s.Verify(ctx, func(p projections.VerifyProgress) {
		b.draw("projections", p.Rows, p.Total, fmt.Sprintf("table %d, %d of %d", p.Table, p.TablesDone, p.Tables))
	})
	b.clear()
	if err != nil {
		return bad(err)
	}
	fmt.Fprintf(out, "projections  ok: %d tables, %d rows, %d index entries, position %d, digest %s\n", report.Tables, report.Rows, report.IndexEntries, report.Position, report.Digest)
	return StatusOK
}

// sameHistory checks that the projections' last event is the one that the log has.
func sameHistory(l *log.Log, s *projections.Store) error {
	applied, hash := s.AppliedHash()
	last, _ := l.Last()
	if applied > last {
		return fmt.Errorf("they have applied position %d, but the log ends at %d", applied, last)
	}
	if applied < l.First() {
		return nil
	}
	want, err := l.HashAt(applied)
	if err == nil && want != hash {
		err = fmt.Errorf("they have applied another event at position %d: chain hash %s, the log has %s", applied, hash.Short(), want.Short())
	}
	return err
}

// isDataDir says what is wrong with a path that holds no data directory.
func isDataDir(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a directory", dir)
	}
	if _, err := os.Stat(filepath.Join(dir, "log")); err != nil {
		return fmt.Errorf("%s is not a data directory of Kimberlite: it has no log/", dir)
	}
	return nil
}
