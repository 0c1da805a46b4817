package server

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"kimberlite/log"
	"kimberlite/projections"
	"kimberlite/sql/catalog"
	"kimberlite/sql/types"
)

// CatalogFollower keeps the newest catalog, as the log tells it.
type CatalogFollower struct {
	snap   atomic.Pointer[catalog.Snapshot]
	err    atomic.Pointer[error]
	failed func(error)
}

// NewCatalogFollower returns a follower with an empty catalog.
func NewCatalogFollower() *CatalogFollower {
	f := &CatalogFollower{}
	f.snap.Store(catalog.NewSnapshot())
	return f
}

// Current returns the newest catalog.
func (f *CatalogFollower) Current() *catalog.Snapshot { return f.snap.Load() }

// Err tells why the catalog cannot be followed any more, nil while it can.
func (f *CatalogFollower) Err() error {
	if e := f.err.Load(); e != nil {
		return *e
	}
	return nil
}

// Load reads the catalog of the state as it was opened; from then on Changed follows the log.
func (f *CatalogFollower) Load(store *projections.Store) error {
	var ops []projections.CatalogOp
	sn := store.Snapshot()
	defer sn.Release()
	err := sn.Catalog(func(kind byte, oid types.OID, data []byte) error {
		ops = append(ops, projections.CatalogOp{Kind: kind, OID: oid, Data: append([]byte(nil), data...)})
		return nil
	})
	if err != nil {
		return err
	}
	snap, err := catalog.NewSnapshot().ApplyLog(ops)
	if err != nil {
		return fmt.Errorf("reading the catalog: %w", err)
	}
	f.snap.Store(snap)
	return nil
}

// Changed is projections.ProjectorOptions.CatalogChanged.
func (f *CatalogFollower) Changed(p log.Position, ops []projections.CatalogOp, _ []projections.TableOp) {
	next, err := f.Current().ApplyLog(ops)
	if err != nil {
		err = fmt.Errorf("the catalog changes of event %d cannot be read: %w", p, err)
		f.err.CompareAndSwap(nil, &err)
		if f.failed != nil {
			f.failed(err)
		}
		return
	}
	f.snap.Store(next)
}

// firstCatalog gives a new cluster the catalog that initdb would leave.
func (n *Node) firstCatalog(ctx context.Context) error {
	if n.catalog.Current().DatabaseByName("template1") != nil {
		return nil
	}
	var ops []projections.CatalogOp
	for _, op := range catalog.Bootstrap() {
		if r, ok := op.Desc.(*catalog.Role); ok && r.OID == catalog.SuperuserOID {
			r.Name = n.cfg.Superuser
		}
		ops = append(ops, op.Log())
	}
	payload := projections.EncodeTransaction(nil, &projections.Transaction{CommitTime: types.FromTime(time.Now()), Role: catalog.SuperuserOID, App: "bootstrap", Catalog: ops})
	p, err := n.group.Propose(ctx, log.KindCatalog, payload)
	if err != nil {
		return fmt.Errorf("writing the first catalog: %w", err)
	}
	n.lg.Info("new cluster founded", zap.Uint64("position", uint64(p)), zap.String("superuser", n.cfg.Superuser))
	return nil
}
