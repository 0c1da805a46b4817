package txn

import (
	"kimberlite/projections"
	"kimberlite/sql/types"
)

// Locks lists all locks held and waited for, as pg_locks shows them. Row and key locks that are held do not appear, as in PostgreSQL: a
// transaction that holds any has an id, and who waits for one of them waits for that id.
func (m *Manager) Locks() []LockInfo {
	var list []LockInfo
	m.waitMu.Lock()
	defer m.waitMu.Unlock()
	for i := range m.heavyLocks.shards {
		sh := &m.heavyLocks.shards[i]
		sh.Lock()
		for _, l := range sh.locks {
			for _, h := range l.holds {
				list = append(list, l.info(h.b.pid, h.mode, true, 0))
			}
			for _, w := range l.queue {
				list = append(list, l.info(w.b.pid, w.mode, false, w.since))
			}
		}
		sh.Unlock()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, b := range m.backends {
		if t := b.txn.Load(); t != nil {
			list = append(list, LockInfo{Type: "virtualxid", PID: b.pid, Mode: Exclusive.String(), Granted: true, FastPath: true})
			if xid := t.xid.Load(); xid != 0 {
				list = append(list, LockInfo{Type: "transactionid", XID: xid, PID: b.pid, Mode: Exclusive.String(), Granted: true})
			}
		}
		w := b.wait
		if w == nil || w.kind == waitHeavy {
			continue
		}
		info := LockInfo{Type: "transactionid", PID: b.pid, Mode: Share.String(), Since: w.since}
		if w.kind == waitTxn {
			info.XID = w.target.xid.Load()
		} else {
			for _, e := range m.rowLocks.blockers(w) {
				if t := e.to.txn.Load(); t != nil {
					info.XID = t.xid.Load()
					break
				}
			}
			list = append(list, LockInfo{Type: "tuple", Database: b.Info.Database, Relation: types.OID(w.relation), Row: projections.RowID(w.row.row), PID: b.pid,
				Mode: rowModeName(w.rowMode), Granted: true})
		}
		list = append(list, info)
	}
	return list
}

// rowModeName is the mode in which PostgreSQL holds the tuple lock while it waits for a row lock of the strength.
func rowModeName(m RowLockMode) string {
	switch m {
	case ForKeyShare:
		return AccessShare.String()
	case ForShare:
		return RowShare.String()
	case ForNoKeyUpdate:
		return Exclusive.String()
	}
	return AccessExclusive.String()
}

func (l *heavyLock) info(pid int32, mode TableLockMode, granted bool, since int64) LockInfo {
	i := LockInfo{Type: "relation", Database: l.tag.database, PID: pid, Mode: mode.String(), Granted: granted, Since: since}
	if l.tag.advisory {
		i.Type = "advisory"
		i.Advisory = AdvisoryKey{Database: l.tag.database, Class: l.tag.class, K1: l.tag.k1, K2: l.tag.k2}
	} else {
		i.Relation = types.OID(l.tag.k1)
	}
	return i
}
