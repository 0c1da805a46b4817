package functions

import (
	"fmt"
	"math/big"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// Positions of the log as pg_lsn. They are 64 bits without a sign in an integer with one.

// walSegmentSize is what wal_segment_size says: names of segments are made with it.
const walSegmentSize = 16 << 20

func init() {
	scalar("pg_lsn_mi", lsnDifference)
	scalar("pg_wal_lsn_diff", lsnDifference)
	scalar("pg_lsn_pli", lsnMove("add NaN to", types.NumericAdd))
	scalar("pg_lsn_mii", lsnMove("subtract NaN from", types.NumericSub))
	scalarOID(5023, func(c *Call, a []types.Datum) (types.Datum, error) { return builtin(c, "pg_lsn_pli", a[1], a[0]) }) // numeric + pg_lsn
	scalar("pg_walfile_name", func(_ *Call, a []types.Datum) (types.Datum, error) {
		return types.Str(walFileName(uint64(a[0].I))), nil
	})
	oneRow("pg_walfile_name_offset", func(_ *Call, a []types.Datum) ([]types.Datum, error) {
		return []types.Datum{types.Str(walFileName(uint64(a[0].I))), types.Int(int64(uint64(a[0].I) % walSegmentSize))}, nil
	})
	sessionScalar("pg_is_wal_replay_paused", func(s Session, _ *Call, _ []types.Datum) (types.Datum, error) {
		if !s.InRecovery() {
			return types.Datum{}, pgerr.New(pgerr.ObjectNotInPrerequisiteState, "recovery is not in progress").
				WithHint("Recovery control functions can only be executed during recovery.")
		}
		return types.Bool(false), nil
	})
	scalar("pg_last_xact_replay_timestamp", func(*Call, []types.Datum) (types.Datum, error) { return types.NullDatum, nil })
}

func lsnDifference(_ *Call, a []types.Datum) (types.Datum, error) {
	d := new(big.Int).SetUint64(uint64(a[0].I))
	return numericFromBig(d.Sub(d, new(big.Int).SetUint64(uint64(a[1].I))))
}

func numericFromBig(n *big.Int) (types.Datum, error) {
	return types.In(nil, types.Of(types.OIDNumeric), n.String())
}

// lsnMove adds a number of bytes to a position, or takes it away.
func lsnMove(what string, op func(a, b string) (string, error)) Scalar {
	return func(_ *Call, a []types.Datum) (types.Datum, error) {
		if types.NumericIsNaN(a[1].S) {
			return types.Datum{}, pgerr.Newf(pgerr.FeatureNotSupported, "cannot %s pg_lsn", what)
		}
		sum, err := op(types.NumericFromUint64(uint64(a[0].I)), a[1].S)
		if err != nil {
			return types.Datum{}, err
		}
		return numericLSN(sum)
	}
}

func numericLSN(s string) (types.Datum, error) {
	switch {
	case types.NumericIsNaN(s):
		return types.Datum{}, pgerr.New(pgerr.FeatureNotSupported, "cannot convert NaN to pg_lsn")
	case types.NumericIsInf(s):
		return types.Datum{}, pgerr.New(pgerr.FeatureNotSupported, "cannot convert infinity to pg_lsn")
	}
	r, err := types.NumericRound(s, 0)
	if err != nil {
		return types.Datum{}, err
	}
	v, _, _ := types.NumericBig(r)
	if !v.IsUint64() {
		return types.Datum{}, pgerr.New(pgerr.InvalidParameterValue, "pg_lsn out of range")
	}
	return types.Int(int64(v.Uint64())), nil
}

// walFileName is the name of the segment with the byte before a position, on timeline 1.
func walFileName(lsn uint64) string {
	seg := (lsn - 1) / walSegmentSize
	const perID = (1 << 32) / walSegmentSize
	return fmt.Sprintf("%08X%08X%08X", 1, seg/perID, seg%perID)
}
