package server

import (
	"context"
	"errors"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"kimberlite/log"
	"kimberlite/sql/catalog"
	"kimberlite/sql/functions"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// nodeStats is what the statistics views show of this node; what sessions know is added by the SQL engine.
type nodeStats struct {
	catalog.NoStats
	n *Node
}

// Projections implements catalog.StatSource.
func (s nodeStats) Projections() []catalog.ProjectionStat {
	n := s.n
	list, err := n.store.Status()
	if err != nil {
		return nil
	}
	g := n.group.Status()
	_, digest := n.store.Digest()
	out := make([]catalog.ProjectionStat, 0, len(list))
	for _, p := range list {
		row := catalog.ProjectionStat{Name: p.Name, State: "running", Applied: int64(p.Applied), Durable: int64(p.Durable), LagEntries: int64(max(g.Commit, p.Applied) - p.Applied),
			Rows: p.Entries, Bytes: p.Bytes, Digest: digest.String()}
		if g.Failed != nil {
			row.State, row.Error = "failed", g.Failed.Error()
		}
		out = append(out, row)
	}
	return out
}

// LogSegments implements catalog.StatSource.
func (s nodeStats) LogSegments() []catalog.LogSegmentStat {
	segments := s.n.log.Segments()
	_, hash := s.n.log.Last()
	out := make([]catalog.LogSegmentStat, 0, len(segments))
	for i, seg := range segments {
		row := catalog.LogSegmentStat{Segment: seg.Name, First: int64(seg.First), Last: int64(seg.Last), Records: int64(seg.Events), Bytes: seg.Bytes,
			Sealed: seg.State != log.SegmentActive, Compressed: seg.State == log.SegmentCompressed, Created: types.FromTime(time.Unix(0, seg.Created))}
		switch {
		case i+1 < len(segments):
			row.ChainHash = segments[i+1].PrevHash.String()
		default:
			row.ChainHash = hash.String()
		}
		out = append(out, row)
	}
	return out
}

// Members implements catalog.StatSource.
func (s nodeStats) Members() []catalog.MemberStat {
	g := s.n.group.Status()
	out := make([]catalog.MemberStat, 0, len(g.Members))
	for i := range g.Members {
		m := &g.Members[i]
		row := catalog.MemberStat{NodeID: int64(m.NodeID), Name: s.n.cfg.ClusterName + "-" + itoa(uint64(m.NodeID)), Address: m.Address, Role: memberRole(&g, m), Self: m.Self, View: int64(g.View),
			Commit: int64(m.Match), Applied: int64(m.Match), State: "unknown"}
		if m.Self {
			row.State, row.Commit, row.Applied, row.LastContact = g.State.String(), int64(g.Commit), int64(g.Applied), types.FromTime(time.Now())
		} else if m.Active {
			row.State = "normal"
		}
		out = append(out, row)
	}
	return out
}

// Wal implements catalog.StatSource.
func (s nodeStats) Wal() catalog.WalStat {
	l := s.n.log.Stats()
	return catalog.WalStat{Records: int64(l.Appended), Bytes: int64(l.AppendedByte), Writes: int64(l.Syncs), Syncs: int64(l.Syncs), SyncTime: float64(l.SyncNanos) / 1e6,
		StatsReset: types.FromTime(s.n.started)}
}

// BgWriter implements catalog.StatSource.
func (s nodeStats) BgWriter() catalog.BgWriterStat {
	m := s.n.store.PebbleMetrics()
	return catalog.BgWriterStat{Timed: m.Flush.Count, Buffers: int64(m.Flush.WriteThroughput.Bytes / 8192), WriteTime: float64(m.Flush.WriteThroughput.WorkDuration.Milliseconds()),
		StatsReset: types.FromTime(s.n.started)}
}

// HBARules implements catalog.StatSource.
func (s nodeStats) HBARules() []catalog.HBARule {
	rules := s.n.wire.HBA().Rules()
	out := make([]catalog.HBARule, 0, len(rules))
	for _, r := range rules {
		out = append(out, catalog.HBARule{Line: int32(r.Line), Type: r.Type, Databases: r.Databases, Users: r.Users, Address: r.Address, Netmask: r.Netmask, Method: r.Method, Options: r.Options})
	}
	return out
}

// cacheTraffic returns the block cache's hits and misses.
func cacheTraffic(m *pebble.Metrics) (hits, misses int64) {
	return m.BlockCache.Hits, m.BlockCache.Misses
}

// systemRows gives the rows of functions that look at the whole node: kimberlite.verify().
func (n *Node) systemRows(name string, _ []types.Datum) (functions.RowSource, error) {
	if name != "verify" {
		return nil, pgerr.Unsupported("function "+name, "")
	}
	return &rowSource{rows: n.verify(context.Background())}, nil
}

// verify checks the log and the projections beside everything else. Each row: subject, first position, last position, ok, detail.
func (n *Node) verify(ctx context.Context) [][]types.Datum {
	row := func(subject string, first, last log.Position, detail string, err error) []types.Datum {
		if err != nil {
			detail = err.Error()
			if e := (*pgerr.Error)(nil); errors.As(err, &e) && e.Hint != "" {
				detail += ". " + e.Hint
			}
		}
		return []types.Datum{types.Str(subject), types.Int(int64(first)), types.Int(int64(last)), types.Bool(err == nil), types.Str(detail)}
	}
	report, err := n.log.Verify(ctx, nil)
	rows := [][]types.Datum{row("log", report.First, report.Last, itoa(uint64(report.Segments))+" segments, "+itoa(report.Events)+" events, chain hash "+report.LastHash.Short(), err)}
	state, err := n.store.Verify(ctx, nil)
	rows = append(rows, row("projections", n.log.First(), state.Position, itoa(uint64(state.Tables))+" tables, "+itoa(uint64(state.Rows))+" rows, "+itoa(uint64(state.IndexEntries))+
		" index entries, digest "+state.Digest.String(), err))
	return rows
}

// rowSource is a functions.RowSource over rows that are there.
type rowSource struct{ rows [][]types.Datum }

// Next implements functions.RowSource.
func (r *rowSource) Next(b *types.Batch) error {
	b.N = min(len(r.rows), types.BatchRows)
	for _, row := range r.rows[:b.N] {
		for i, d := range row {
			b.Cols[i].Append(d)
		}
	}
	r.rows = r.rows[b.N:]
	return nil
}

// Close implements functions.RowSource.
func (r *rowSource) Close() {}
