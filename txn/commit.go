package txn

import (
	"context"
	"errors"

	"kimberlite/consensus"
	"kimberlite/log"
	"kimberlite/projections"
	"kimberlite/sql/pgerr"
)

// Commit makes the transaction's effects durable and visible and ends it, whatever the result. On an error nothing was written, unless
// its SQLSTATE is 08007: then nobody knows yet. A cancelled context does not stop a commit that has begun. Deferrable unique indexes that
// were not checked yet are checked. The position is that of the event, or 0 when nothing was to be written.
func (t *Txn) Commit(ctx context.Context) (log.Position, error) {
	if t.ended {
		return 0, pgerr.Internal("commit of a transaction that has ended")
	}
	if len(t.deferred) > 0 {
		if err := t.CheckDeferredUnique(ctx, nil); err != nil {
			t.Rollback()
			return 0, err
		}
	}
	ctx = context.WithoutCancel(ctx)
	pos := log.Position(0)
	if t.HasWrites() {
		if err := t.needXID(ctx); err != nil {
			t.Rollback()
			return 0, err
		}
		var err error
		if pos, err = t.propose(ctx); err != nil {
			t.Rollback()
			return 0, err
		}
	}
	t.committed()
	return pos, nil
}

// propose logs the write set and waits until it is applied.
func (t *Txn) propose(ctx context.Context) (log.Position, error) {
	if t.view == 0 && t.m.opts.View != nil { // begun while this node did not lead: nothing would fence it
		return 0, lostLeadership(consensus.ErrNotLeader)
	}
	tx := projections.Transaction{
		XID: t.xid.Load(), View: t.view, CommitTime: t.m.commitTime(), Database: t.b.Info.Database, Role: t.b.Info.Role, App: t.b.Info.App,
		Drops: t.permanentDrops(), Tables: t.defs, Catalog: t.catalog, Sequences: t.seqs, SequenceDrops: t.seqDrops, Notifications: t.notes,
	}
	defer t.m.pauseSequences(t)()
	tables, size := t.changes(tx.Drops)
	if size > t.m.opts.ChunkBytes {
		if err := t.proposeChunks(ctx, tables); err != nil {
			return 0, t.proposeError(err, false)
		}
		tables, size = nil, 0
	}
	tx.Chunks = t.spill.chunks
	w := projections.NewEventWriter(make([]byte, 0, size+256+64*len(tx.Catalog)))
	w.Header(&tx)
	w.RowTables(len(tables))
	for _, c := range tables {
		w.RowTable(c.w.storage, c.ops)
		prev := projections.RowID(0)
		c.each(func(op projections.RowOpKind, r *rowWrites) {
			w.RowOp(op, prev, r.id, r.head.image)
			prev = r.id
		})
	}
	w.Tail(&tx)
	pos, err := t.m.opts.Proposer.Propose(ctx, log.KindTransaction, w.Bytes())
	if err != nil {
		if errors.Is(err, consensus.ErrOutcomeUnknown) {
			t.spill.chunks = 0 // not ours to abandon: they may be committed
		}
		return 0, t.proposeError(err, true)
	}
	if t.view != 0 && t.m.store.Rejected(pos) {
		return 0, lostLeadership(consensus.ErrNotLeader)
	}
	return pos, nil
}

// tableChanges are the rows of a table that differ from the committed state.
type tableChanges struct {
	w   *tableWrites
	ops int
}

// change tells what the transaction did to a row in the end; ok is false for nothing.
func (r *rowWrites) change() (op projections.RowOpKind, ok bool) {
	switch {
	case !r.changed():
		return 0, false
	case r.head.deleted:
		return projections.OpDelete, r.base
	case r.base:
		return projections.OpUpdate, true
	default:
		return projections.OpInsert, true
	}
}

func (c *tableChanges) each(visit func(op projections.RowOpKind, r *rowWrites)) {
	for _, chunk := range c.w.rows.chunks {
		for i := range chunk {
			if op, ok := chunk[i].change(); ok {
				visit(op, &chunk[i])
			}
		}
	}
}

// changes lists what there is to log, but for storages that the transaction drops, with the size of all images.
func (t *Txn) changes(drops []projections.StorageID) (tables []tableChanges, size int) {
next:
	for _, w := range t.tables {
		if w.temp || w.rows.n == 0 {
			continue
		}
		for _, id := range drops {
			if id == w.storage {
				continue next
			}
		}
		c := tableChanges{w: w}
		c.each(func(_ projections.RowOpKind, r *rowWrites) {
			c.ops++
			size += len(r.head.image) + 12
		})
		if c.ops > 0 {
			tables = append(tables, c)
		}
	}
	return tables, size
}

// permanentDrops are the dropped storages that the log must know of. One that was made by this transaction is not known there, which the
// projector does not mind.
func (t *Txn) permanentDrops() []projections.StorageID {
	if len(t.drops) == 0 || len(t.b.temp) == 0 {
		return t.drops
	}
	var out []projections.StorageID
	for _, id := range t.drops {
		if t.b.temp[id] == nil {
			out = append(out, id)
		}
	}
	return out
}

// proposeChunks logs all row operations as chunks.
func (t *Txn) proposeChunks(ctx context.Context, tables []tableChanges) (err error) {
	var ops []projections.RowOp
	size := 0
	flush := func(storage projections.StorageID) error {
		if len(ops) == 0 {
			return nil
		}
		_, err := t.proposeChunk(ctx, storage, ops, size)
		ops, size = ops[:0], 0
		return err
	}
	for _, c := range tables {
		c.each(func(op projections.RowOpKind, r *rowWrites) {
			if err != nil {
				return
			}
			ops = append(ops, projections.RowOp{Op: op, Row: r.id, Image: r.head.image})
			if size += len(r.head.image) + 12; size >= t.m.opts.ChunkBytes {
				err = flush(c.w.storage)
			}
		})
		if err == nil {
			err = flush(c.w.storage)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// proposeChunk logs one chunk of the transaction and returns its number.
func (t *Txn) proposeChunk(ctx context.Context, storage projections.StorageID, ops []projections.RowOp, size int) (uint32, error) {
	n := t.spill.chunks
	t.spill.chunks++ // also when it fails: it may be there
	chunk := projections.Chunk{XID: t.xid.Load(), View: t.view, Number: n, Rows: []projections.TableRows{{Storage: storage, Ops: ops}}}
	_, err := t.m.opts.Proposer.Propose(ctx, log.KindChunk, projections.EncodeChunk(make([]byte, 0, size+256), &chunk))
	return n, err
}

// abandonChunks tells the log that the chunks will not be committed. If it cannot, the next Start does.
func (t *Txn) abandonChunks() {
	a := projections.Abandon{XIDs: []uint64{t.xid.Load()}}
	t.m.background.Go(func() {
		_, _ = t.m.opts.Proposer.Propose(context.Background(), log.KindAbandon, projections.EncodeAbandon(nil, &a)) // best effort, see above
	})
}

// proposeError turns an error of Propose into what the client gets. final: the commit event itself was proposed, not a chunk before it.
func (t *Txn) proposeError(err error, final bool) error {
	switch {
	case errors.Is(err, consensus.ErrOutcomeUnknown) && final:
		e := pgerr.Wrap(err, pgerr.TransactionResolutionUnknown, "it is not known whether the transaction is committed")
		e.Detail = "Leadership was lost or the server stopped while the transaction was being written."
		e.Hint = "Ask pg_xact_status('" + utoa(t.xid.Load()) + "') before trying again."
		return e
	case errors.Is(err, log.ErrDiskFull):
		return pgerr.Wrap(err, pgerr.DiskFull, "could not extend the event log: no space left on device")
	case errors.Is(err, consensus.ErrStopped):
		return pgerr.Wrap(err, pgerr.AdminShutdown, "the server is shutting down")
	case errors.Is(err, consensus.ErrNotLeader), errors.Is(err, consensus.ErrProposalDropped), errors.Is(err, consensus.ErrOutcomeUnknown):
		return lostLeadership(err)
	}
	return pgerr.Wrap(err, pgerr.IoError, "could not write to the event log: %v", err)
}

func lostLeadership(err error) error {
	e := pgerr.Wrap(err, pgerr.SerializationFailure, "could not commit: this node is not the leader any more")
	e.Hint = "The transaction might succeed if retried."
	return e
}

func utoa(n uint64) string { return log.Position(n).String() }

// committed ends a transaction whose event is applied.
func (t *Txn) committed() {
	for i := range t.undo {
		if t.undo[i].w.temp {
			t.undo[i].w.settle(t.undo[i].row)
		}
	}
	for _, id := range t.drops {
		t.b.DropTemp(id)
		t.m.rowIDs.Delete(id)
	}
	for _, oid := range t.seqDrops {
		t.m.seqs.Delete(oid)
	}
	t.end(true)
}
