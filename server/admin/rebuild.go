package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kimberlite/log"
	"kimberlite/projections"
	"kimberlite/server"
	"kimberlite/sql/types"
)

// Rebuild throws the projections away and makes them anew from the log. If the old ones could still be opened, their digest is compared with the
// new one at the same position.
func Rebuild(ctx context.Context, dataDir string, out, progress io.Writer) int {
	if err := isDataDir(dataDir); err != nil {
		fmt.Fprintln(out, err)
		return StatusUsage
	}
	l, err := log.Open(vfs.Default, dataDir, log.Options{})
	if errors.Is(err, log.ErrLocked) {
		fmt.Fprintf(out, "%v: stop the server first\n", err)
		return StatusUsage
	}
	if err != nil {
		fmt.Fprintf(out, "the log cannot be opened, so nothing was touched: %v\n", err)
		return StatusDamaged
	}
	defer l.Close()
	if l.First() > 1 {
		fmt.Fprintf(out, "the log begins at position %d, since retention dropped what was before: the projections cannot be made from it alone. Nothing was touched.\n", l.First())
		return StatusUsage
	}
	old := readState(dataDir)
	// What is committed is known for sure up to the hard state's mark and to what was applied; a server's next start does the rest.
	last, _ := l.Last()
	target := min(max(l.HardState().Commit, old.position), last)
	follower := server.NewCatalogFollower()
	b := newBar(progress)
	start := time.Now()
	opts := projections.Options{Dir: server.ProjectionsDir(dataDir), Evaluator: server.NewEvaluator(follower)}
	s, err := projections.Rebuild(ctx, opts, projections.ProjectorOptions{CatalogChanged: follower.Changed}, l, target, func(done, last log.Position) {
		b.draw("rebuild", int64(done), int64(last), fmt.Sprintf("position %d of %d", done, last))
	})
	b.clear()
	if err == nil {
		err = follower.Err()
	}
	if err != nil {
		fmt.Fprintf(out, "rebuild      FAILED: %v\n", err)
		return StatusDamaged
	}
	defer s.Close()
	position, digest := s.Digest()
	fmt.Fprintf(out, "rebuild      ok: position %d, digest %s, %.1f s\n", position, digest, time.Since(start).Seconds())
	switch {
	case !old.known:
		fmt.Fprintln(out, "             there were no readable projections to compare with")
	case old.position != position:
		fmt.Fprintf(out, "             the old projections stood at position %d and cannot be compared\n", old.position)
	case old.digest != digest:
		fmt.Fprintf(out, "             the old projections had the digest %s: they were WRONG\n", old.digest)
	default:
		fmt.Fprintln(out, "             the old projections had the same digest")
	}
	return StatusOK
}

// state is what the old projections say about themselves.
type state struct {
	known    bool
	position log.Position
	digest   projections.Digest
}

func readState(dataDir string) state {
	s, err := projections.Open(projections.Options{Dir: server.ProjectionsDir(dataDir), ReadOnly: true})
	if err != nil {
		return state{}
	}
	defer s.Close()
	position, digest := s.Digest()
	return state{position > 0, position, digest}
}

// timeText prints a commit time.
func timeText(micros int64) string {
	if micros == 0 {
		return "-"
	}
	return types.ToTime(micros).UTC().Format("2006-01-02T15:04:05.000000Z")
}
