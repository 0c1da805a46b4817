package projections

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kimberlite/log"
)

// EventSource is what a rebuild reads; *log.Log is one.
type EventSource interface {
	// Read returns the events of [from, to), as many as fit maxBytes of payload but at least one.
	Read(from, to log.Position, maxBytes int64) ([]log.Event, error)
}

// replayBytes is how much of the log is read at a time.
const replayBytes = 4 << 20

// Remove throws a store away. It must not be open.
func Remove(f vfs.FS, dir string) error {
	if err := f.RemoveAll(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the projections in %s: %w", dir, err)
	}
	return nil
}

// Replay applies the events after the projector's position up to and including the last one; progress is told after each batch.
func Replay(ctx context.Context, src EventSource, p *Projector, last log.Position, progress func(done, last log.Position)) error {
	for at := p.AppliedPosition(); at < last; at = p.AppliedPosition() {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		events, err := src.Read(at+1, last+1, replayBytes)
		if err != nil {
			return fmt.Errorf("reading the log from position %d: %w", at+1, err)
		}
		if err := p.Apply(events); err != nil {
			return err
		}
		if progress != nil {
			progress(p.AppliedPosition(), last)
		}
	}
	return p.s.Flush()
}

// Rebuild throws the store in opts.Dir away and makes it anew from the log. It returns the store, open.
func Rebuild(ctx context.Context, opts Options, popts ProjectorOptions, src EventSource, last log.Position, progress func(done, last log.Position)) (*Store, error) {
	f := opts.FS
	if f == nil {
		f = vfs.Default
	}
	if err := Remove(f, opts.Dir); err != nil {
		return nil, err
	}
	if opts.Events == nil {
		opts.Events = src
	}
	s, err := Open(opts)
	if err != nil {
		return nil, err
	}
	if err := Replay(ctx, src, NewProjector(s, popts), last, progress); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Mark and compare: the two events of a checkpoint. Propose is consensus.Group.Propose without the context.
//
// The first makes every replica remember the digest of its state at that event; the second carries what the leader remembered.
func ProposeCheckpoint(s *Store, propose func(kind log.Kind, payload []byte) (log.Position, error)) (log.Position, error) {
	if _, err := propose(log.KindCheckpoint, EncodeCheckpoint(nil, &Checkpoint{})); err != nil {
		return 0, err
	}
	b, err := s.value(metaCheckpoint)
	if err != nil {
		return 0, err
	}
	mark, err := DecodeCheckpoint(b)
	if err != nil {
		return 0, err
	}
	_, err = propose(log.KindCheckpoint, EncodeCheckpoint(nil, mark))
	return mark.Position, err
}
