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
	scalar("pg_lsn_pli", func(c *Call, a []types.Datum) (types.Datum, error) { return lsnMove(a[0], a[1], 1) })
	scalar("pg_lsn_mii", func(c *Call, a []types.Datum) (types.Datum, error) { return lsnMove(a[0], a[1], -1) })
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

// lsnMove adds sign times a number of bytes to a position.
func lsnMove(at, by types.Datum, sign int64) (types.Datum, error) {
	verb := "add"
	if sign < 0 {
		verb = "subtract"
	}
	prep := map[string]string{"add": "to", "subtract": "from"}[verb]
	if types.NumericIsNaN(by.S) {
		return types.Datum{}, pgerr.Newf(pgerr.InvalidParameterValue, "cannot %s NaN %s pg_lsn", verb, prep)
	}
	coef, scale, ok := types.NumericBig(by.S)
	if !ok {
		return types.Datum{}, pgerr.New(pgerr.NumericValueOutOfRange, "pg_lsn out of range")
	}
	coef = roundBig(coef, scale)
	sum := new(big.Int).SetUint64(uint64(at.I))
	sum.Add(sum, coef.Mul(coef, big.NewInt(sign)))
	if !sum.IsUint64() {
		return types.Datum{}, pgerr.New(pgerr.NumericValueOutOfRange, "pg_lsn out of range")
	}
	return types.Int(int64(sum.Uint64())), nil
}

// roundBig is coef / 10^scale, rounded half away from zero.
func roundBig(coef *big.Int, scale int) *big.Int {
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)
	half := new(big.Int).Mul(unit, big.NewInt(int64(coef.Sign())))
	twice := new(big.Int).Lsh(coef, 1)
	return twice.Quo(twice.Add(twice, half), unit.Lsh(unit, 1))
}

// walFileName is the name of the segment with the byte before a position, on timeline 1.
func walFileName(lsn uint64) string {
	seg := (lsn - 1) / walSegmentSize
	const perID = (1 << 32) / walSegmentSize
	return fmt.Sprintf("%08X%08X%08X", 1, seg/perID, seg%perID)
}
