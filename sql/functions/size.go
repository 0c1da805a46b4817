package functions

import (
	"math/big"
	"strconv"
	"strings"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// Sizes in bytes as people write them (9.27.7).

// sizeUnits are the units of pg_size_pretty and pg_size_bytes, each 1024 times the one before.
var sizeUnits = []string{"bytes", "kB", "MB", "GB", "TB", "PB"}

func init() {
	scalar("pg_size_pretty", func(_ *Call, a []types.Datum) (types.Datum, error) { return types.Str(sizePretty(a[0].I)), nil })
	scalar("pg_size_pretty_numeric", func(_ *Call, a []types.Datum) (types.Datum, error) {
		coef, scale, ok := types.NumericBig(a[0].S)
		if !ok {
			return types.Str(types.NumericString(a[0].S) + " PB"), nil
		}
		whole := coef.Quo(coef, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil))
		if new(big.Int).Abs(whole).Cmp(big.NewInt(10*1024)) < 0 {
			return types.Str(types.NumericString(a[0].S) + " bytes"), nil
		}
		return types.Str(bigSizePretty(whole)), nil
	})
	scalar("pg_size_bytes", func(c *Call, a []types.Datum) (types.Datum, error) { return sizeBytes(c, a[0].S) })
	sessionScalar("pg_tablespace_size_oid", tablespaceSize)
	sessionScalar("pg_tablespace_size_name", func(s Session, c *Call, a []types.Datum) (types.Datum, error) {
		rows, err := viewRows(c, "pg_tablespace", []string{"oid", "spcname"}, "", types.NullDatum)
		if err != nil {
			return types.Datum{}, err
		}
		for _, r := range rows {
			if r[1].S == a[0].S {
				return tablespaceSize(s, c, r[:1])
			}
		}
		return types.Datum{}, pgerr.Newf(pgerr.UndefinedObject, "tablespace \"%s\" does not exist", a[0].S)
	})
}

// sizePretty prints a size as PostgreSQL does: the unit changes at 10 of the next, halves are rounded up.
func sizePretty(size int64) string {
	if size > -10*1024 && size < 10*1024 {
		return strconv.FormatInt(size, 10) + " " + sizeUnits[0]
	}
	return bigSizePretty(big.NewInt(size))
}

// bigSizePretty is sizePretty for what is not printed in bytes.
func bigSizePretty(size *big.Int) string {
	n := new(big.Int).Abs(size)
	n.Rsh(n, 9) // one bit stays for rounding
	i := 1
	for ; i < len(sizeUnits)-1 && n.Cmp(big.NewInt(20*1024-1)) >= 0; i++ {
		n.Rsh(n, 10)
	}
	n.Rsh(n.Add(n, big.NewInt(1)), 1)
	if size.Sign() < 0 {
		n.Neg(n)
	}
	return n.String() + " " + sizeUnits[i]
}

// sizeBytes reads a number with a unit.
func sizeBytes(c *Call, text string) (types.Datum, error) {
	s := strings.Trim(text, " \t\n\r\v\f")
	end := numberPrefix(s)
	if end == 0 {
		return types.Datum{}, pgerr.Newf(pgerr.InvalidParameterValue, "invalid size: \"%s\"", text)
	}
	num, err := types.In(c.Env.IO, types.Of(types.OIDNumeric), s[:end])
	if err != nil {
		return types.Datum{}, err
	}
	coef, scale, ok := types.NumericBig(num.S)
	if !ok {
		return types.Datum{}, pgerr.Newf(pgerr.InvalidParameterValue, "invalid size: \"%s\"", text)
	}
	if unit := strings.TrimLeft(s[end:], " \t\n\r\v\f"); unit != "" {
		i := 0
		for i < len(sizeUnits) && !strings.EqualFold(unit, sizeUnits[i]) {
			i++
		}
		if i == len(sizeUnits) {
			return types.Datum{}, pgerr.Newf(pgerr.InvalidParameterValue, "invalid size: \"%s\"", text).WithDetail("Invalid size unit: \"%s\".", unit).
				WithHint("Valid units are \"bytes\", \"kB\", \"MB\", \"GB\", \"TB\", and \"PB\".")
		}
		coef = new(big.Int).Lsh(coef, uint(10*i))
	}
	n := roundBig(coef, scale)
	if !n.IsInt64() {
		return types.Datum{}, pgerr.New(pgerr.NumericValueOutOfRange, "bigint out of range")
	}
	return types.Int(n.Int64()), nil
}

// numberPrefix is the length of the decimal number that a text begins with, 0 for none. An exponent counts only when it has digits.
func numberPrefix(s string) int {
	digits := func(i int) int {
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		return i
	}
	start := 0
	if s != "" && (s[0] == '-' || s[0] == '+') {
		start = 1
	}
	end := digits(start)
	seen := end > start
	if end < len(s) && s[end] == '.' {
		frac := digits(end + 1)
		seen = seen || frac > end+1
		end = frac
	}
	if !seen {
		return 0
	}
	if end < len(s) && (s[end] == 'e' || s[end] == 'E') {
		exp := end + 1
		if exp < len(s) && (s[exp] == '-' || s[exp] == '+') {
			exp++
		}
		if last := digits(exp); last > exp {
			end = last
		}
	}
	return end
}

// tablespaceSize: all is in the default tablespace; what all databases share is in none of their sizes.
func tablespaceSize(s Session, c *Call, a []types.Datum) (types.Datum, error) {
	const defaultTablespace, globalTablespace = 1663, 1664
	switch a[0].I {
	case globalTablespace:
		return types.Int(0), nil
	case defaultTablespace:
	default:
		return types.NullDatum, nil
	}
	rows, err := viewRows(c, "pg_database", []string{"oid"}, "", types.NullDatum)
	var total int64
	for _, r := range rows {
		n, err := s.DatabaseSize(types.OID(r[0].I))
		if err != nil {
			return types.Datum{}, err
		}
		total += n
	}
	return types.Int(total), err
}

// roundBig is coef / 10^scale, rounded half away from zero.
func roundBig(coef *big.Int, scale int) *big.Int {
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)
	half := new(big.Int).Mul(unit, big.NewInt(int64(coef.Sign())))
	twice := new(big.Int).Lsh(coef, 1)
	return twice.Quo(twice.Add(twice, half), unit.Lsh(unit, 1))
}
