package log

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Background work: writing lazy members of meta/, syncing for SyncAsync, preparing a zero-filled spare file, compressing sealed segments.
// None of it is needed for correctness; errors are reported and tried again.

// spareFile is a zero-filled file that will be the next segment.
type spareFile struct {
	name   string
	file   vfs.File
	zeroed int64
}

var spareCounter atomic.Uint64

func (l *Log) hasSpare() bool {
	l.spareMu.Lock()
	defer l.spareMu.Unlock()
	return l.spare != nil
}

// prepareSpare makes sure that there is a spare file with at least need bytes of zeros. For the writer: it does no more than needed.
func (l *Log) prepareSpare(need int64) error {
	l.spareMu.Lock()
	defer l.spareMu.Unlock()
	if l.spare == nil {
		sp, err := l.createSpare()
		if err != nil {
			return err
		}
		l.spare = sp
	}
	want := max(need, min(l.opts.SegmentBytes, zeroAheadBytes))
	return l.spare.fill(want)
}

func (l *Log) createSpare() (*spareFile, error) {
	name := fmt.Sprintf("%020d%s", spareCounter.Add(1), spareSuffix)
	path := l.fs.PathJoin(l.dir, name)
	f, err := l.fs.Create(path, diskCategory)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	if f, err = l.fs.OpenReadWrite(path, diskCategory); err != nil { // WriteAt needs this mode
		return nil, err
	}
	return &spareFile{name: name, file: f}, nil
}

// fill zeroes up to offset `to`.
func (sp *spareFile) fill(to int64) error {
	for sp.zeroed < to {
		next := min(to, sp.zeroed+int64(len(zeros)))
		if err := zeroRange(sp.file, sp.zeroed, next); err != nil {
			return err
		}
		sp.zeroed = next
	}
	return nil
}

// fillSynced zeroes the whole file in steps, each synced, so that a foreground sync never waits for more than a step.
func (sp *spareFile) fillSynced(to int64) error {
	for sp.zeroed < to {
		if err := sp.fill(min(to, sp.zeroed+4*zeroAheadBytes)); err != nil {
			return err
		}
		if err := sp.file.SyncData(); err != nil {
			return err
		}
	}
	return nil
}

// spareWanted tells whether the active segment is half full and no spare is ready.
func (l *Log) spareWanted() bool {
	if l.hasSpare() {
		return false
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	seg := l.mu.segments[len(l.mu.segments)-1]
	return seg.state == SegmentActive && seg.end > seg.capacity/2
}

// makeSpare fills a whole spare, without keeping the writer from making its own meanwhile.
func (l *Log) makeSpare() error {
	sp, err := l.createSpare()
	if err != nil {
		return err
	}
	return l.offerSpare(sp, sp.fillSynced(l.opts.SegmentBytes))
}

// recycle turns the file of a segment that is not needed any more into the spare.
func (l *Log) recycle(path string) error {
	sp := &spareFile{name: fmt.Sprintf("%020d%s", spareCounter.Add(1), spareSuffix)}
	spare := l.fs.PathJoin(l.dir, sp.name)
	err := l.fs.Rename(path, spare)
	if err == nil {
		err = syncDir(l.fs, l.dir) // the zeros must not be seen under the old name after a crash
	}
	if err == nil {
		sp.file, err = l.fs.OpenReadWrite(spare, diskCategory)
	}
	if err != nil {
		return ioError("recycling a segment", err)
	}
	info, err := sp.file.Stat()
	if err == nil {
		err = sp.fillSynced(max(l.opts.SegmentBytes, info.Size()))
	}
	return l.offerSpare(sp, err)
}

// offerSpare installs sp unless there is a spare by now or filling it failed.
func (l *Log) offerSpare(sp *spareFile, err error) error {
	if err == nil {
		l.spareMu.Lock()
		if l.spare == nil {
			l.spare, sp = sp, nil
		}
		l.spareMu.Unlock()
	}
	if sp != nil {
		return errors.Join(err, sp.file.Close(), l.fs.Remove(l.fs.PathJoin(l.dir, sp.name)))
	}
	return nil
}

// startKeeper starts the background goroutine.
func (l *Log) startKeeper() {
	l.wake, l.quit = make(chan struct{}, 1), make(chan struct{})
	if l.opts.Manual {
		return
	}
	l.done.Add(1)
	go l.keep()
}

func (l *Log) keep() {
	defer l.done.Done()
	interval := metaFlushInterval
	if l.opts.Sync == SyncAsync {
		interval = min(interval, l.opts.AsyncInterval)
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-l.quit:
			return
		case <-l.wake:
		case <-tick.C:
		}
		l.Maintain()
	}
}

func (l *Log) wakeKeeper() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Maintain does all background work that is due. It is called by the log itself unless Options.Manual is set.
func (l *Log) Maintain() {
	if l.opts.ReadOnly || l.Failed() != nil {
		return
	}
	report := func(task string, err error) bool {
		if err != nil {
			l.noticed(err)
			if h := l.opts.Hooks.Background; h != nil {
				h(task, err)
			}
		}
		return err == nil
	}
	if l.opts.Sync == SyncAsync {
		report("sync", l.syncNow())
	}
	l.maintMu.Lock()
	defer l.maintMu.Unlock()
	report("meta", l.flushMeta())
	if l.spareWanted() {
		report("spare", l.makeSpare())
	}
	for !l.quitting() {
		more, err := l.compressSealed()
		if !report("compress", err) || !more {
			return
		}
	}
}

func (l *Log) quitting() bool {
	select {
	case <-l.quit:
		return true
	default:
		return false
	}
}

// Retention says what may be dropped. The zero value keeps everything.
type Retention struct {
	MaxBytes int64         // drop the oldest segments while the log is larger on disk; 0 for no limit
	MaxAge   time.Duration // drop segments whose events are all older; 0 for no limit
}

// EnforceRetention drops whole segments that the policy allows, but only those that end before limit: the position from
// which some projection or member still needs the log.
func (l *Log) EnforceRetention(r Retention, limit Position) error {
	var drop Position
	var size int64
	segments := l.Segments()
	for _, s := range segments {
		size += s.Bytes
	}
	for i, s := range segments[:len(segments)-1] {
		tooBig := r.MaxBytes > 0 && size > r.MaxBytes
		// A segment's events are older than the creation of its successor.
		tooOld := r.MaxAge > 0 && l.opts.Now().Sub(time.Unix(0, segments[i+1].Created)) > r.MaxAge
		if s.Last >= limit || !tooBig && !tooOld {
			break
		}
		size -= s.Bytes
		drop = s.Last + 1
	}
	if drop == 0 {
		return nil
	}
	return l.DropBefore(drop)
}

// DropBefore removes the segments that end before p. The active one stays. The chain hash at the cut stays in the next segment's
// header, so what is left still verifies.
func (l *Log) DropBefore(p Position) error {
	if l.opts.ReadOnly {
		return ErrReadOnly
	}
	l.maintMu.Lock()
	defer l.maintMu.Unlock()
	l.mu.RLock()
	n := 0
	committed := Position(l.committed.Load())
	for n < len(l.mu.segments)-1 && l.mu.segments[n].last < p && l.mu.segments[n].last <= committed {
		n++
	}
	if n == 0 {
		l.mu.RUnlock()
		return nil
	}
	first := l.mu.segments[n].first
	l.mu.RUnlock()
	// meta/ first: Open removes what is before it, and misses what should be there.
	l.metaMu.Lock()
	s := l.meta.state
	s.first = first
	err := l.meta.write(s)
	l.metaMu.Unlock()
	if err != nil {
		return err
	}
	l.mu.Lock()
	dropped := l.mu.segments[:n:n]
	l.mu.segments = append([]*segment(nil), l.mu.segments[n:]...)
	infos := make([]SegmentInfo, n)
	busy := make([]bool, n)
	for i, s := range dropped {
		infos[i], busy[i] = s.info(), s.readers.Load() > 0
	}
	l.mu.Unlock()
	var errs []error
	for i, info := range infos {
		errs = append(errs, l.discard(info.Name, busy[i] || info.State == SegmentCompressed))
		if h := l.opts.Hooks.SegmentDropped; h != nil {
			h(info)
		}
	}
	return errors.Join(errs...)
}
