package server

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"

	"kimberlite/log"
)

// The log survives a full disk unharmed, and consensus refuses writes until there is space. The row store does not: it ends the process
// when it cannot write its manifest. So writes are refused already while there is still room for it to flush what it holds; reads go on, and writes too
// as soon as space comes back.

// diskWatch knows how much space is left for the data directory.
type diskWatch struct {
	free atomic.Int64 // bytes; -1: not known
	low  atomic.Bool
}

// space returns the bytes that are free for us and the size of the file system that holds dir, or will hold it.
func space(dir string) (free, total int64, err error) {
	var st unix.Statfs_t
	for {
		err = unix.Statfs(dir, &st)
		parent := filepath.Dir(dir)
		if err != unix.ENOENT || parent == dir {
			break
		}
		dir = parent
	}
	if err != nil {
		return -1, -1, os.NewSyscallError("statfs", err)
	}
	return int64(st.Bavail) * int64(st.Bsize), int64(st.Blocks) * int64(st.Bsize), nil
}

// reserve is how much has to stay free: the setting, but not more than a twentieth of a small disk.
func reserve(setting, total int64) int64 {
	return min(setting, total/20)
}

// roomToStart refuses a start that the row store would not survive.
func (n *Node) roomToStart() error {
	free, total, err := space(n.cfg.DataDir)
	if err == nil && total > 0 && free < min(startSpace, total/20) {
		return fmt.Errorf("%d bytes are free: %w", free, syscall.ENOSPC)
	}
	return nil
}

// watchDisk looks at the space that is left, and says when writes are refused and taken again.
func (n *Node) watchDisk() {
	free, total, err := space(n.cfg.DataDir)
	if err != nil {
		n.disk.free.Store(-1)
		return
	}
	n.disk.free.Store(free)
	limit := reserve(n.cfg.MinFreeSpace, total)
	// Some room between the two bounds, so that it does not go to and fro.
	low := free < limit || n.disk.low.Load() && free < limit+limit/4
	if low == n.disk.low.Swap(low) {
		return
	}
	if low {
		n.lg.Error("the disk is nearly full: writes are refused until there is space", zap.Int64("free_bytes", free), zap.Int64("min_free_bytes", limit))
	} else {
		n.lg.Info("there is space again: writes are accepted", zap.Int64("free_bytes", free))
	}
}

// diskLow is the error of writes while there is too little space; nil otherwise.
func (n *Node) diskLow() error {
	if !n.disk.low.Load() {
		return nil
	}
	return fmt.Errorf("%w: %d bytes are free, storage.min_free_space is %d", log.ErrDiskFull, n.disk.free.Load(), n.cfg.MinFreeSpace)
}

// Propose implements txn.Proposer.
func (p proposer) Propose(ctx context.Context, kind log.Kind, payload []byte) (log.Position, error) {
	if err := p.n.diskLow(); err != nil {
		return 0, err
	}
	start := time.Now()
	at, err := p.n.group.Propose(ctx, kind, payload)
	p.n.metrics.commit.Observe(time.Since(start).Seconds())
	return at, err
}
