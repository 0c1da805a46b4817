package functions

import (
	"strconv"
	"strings"

	"kimberlite/sql/types"
)

// What snapshots (9.27.10), xmin:xmax:xip,xip..., say about transactions.

// snapshot is an opened pg_snapshot.
type snapshot struct {
	xmin, xmax uint64
	running    []uint64
}

func snapshotOf(d types.Datum) (s snapshot) {
	parts := strings.Split(d.S, ":")
	s.xmin, s.xmax = xidOf(parts[0]), xidOf(parts[1])
	if parts[2] != "" {
		for _, p := range strings.Split(parts[2], ",") {
			s.running = append(s.running, xidOf(p))
		}
	}
	return s
}

// xidOf reads a number that the type's input function has checked.
func xidOf(s string) uint64 {
	v, _ := strconv.ParseUint(s, 10, 64)
	return v
}

func init() {
	scalar("pg_snapshot_xmin", func(_ *Call, a []types.Datum) (types.Datum, error) {
		return types.Int(int64(snapshotOf(a[0]).xmin)), nil
	})
	scalar("pg_snapshot_xmax", func(_ *Call, a []types.Datum) (types.Datum, error) {
		return types.Int(int64(snapshotOf(a[0]).xmax)), nil
	})
	set("pg_snapshot_xip", func(_ *Call, _ []types.T, a []types.Datum) (RowSource, error) {
		var out []types.Datum
		for _, x := range snapshotOf(a[0]).running {
			out = append(out, types.Int(int64(x)))
		}
		return Values(out), nil
	})
	scalar("pg_visible_in_snapshot", func(_ *Call, a []types.Datum) (types.Datum, error) {
		x, s := uint64(a[0].I), snapshotOf(a[1])
		visible := x < s.xmin
		if !visible && x < s.xmax {
			visible = true
			for _, r := range s.running {
				visible = visible && r != x
			}
		}
		return types.Bool(visible), nil
	})
}
