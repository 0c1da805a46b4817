package types

import (
	"strconv"
	"strings"

	"kimberlite/sql/pgerr"
)

func init() {
	register(ops{in: moneyIn, out: moneyOut, recv: recv8, send: send8}, OIDMoney)
}

// moneyIn reads an amount in the C locale: dollars, commas between thousands, two decimals, a sign or parentheses before or after.
func moneyIn(_ *Ctx, _ T, s string) (Datum, error) {
	tooLarge := func() (Datum, error) {
		return Datum{}, pgerr.New(pgerr.NumericValueOutOfRange, `value "`+s+`" is out of range for type money`)
	}
	skip := func(t string) string {
		t = strings.TrimLeft(t, " \t\n\v\f\r")
		return strings.TrimLeft(strings.TrimPrefix(t, "$"), " \t\n\v\f\r")
	}
	t := skip(s)
	neg := false
	if t != "" {
		switch t[0] {
		case '-', '(':
			neg = true
			t = t[1:]
		case '+':
			t = t[1:]
		}
	}
	t = skip(t)
	// The amount is gathered as a negative number, so that the smallest one fits.
	var v int64
	push := func(d int64) bool {
		if v < (-1<<63)/10 || v*10 < -1<<63+d {
			return false
		}
		v = v*10 - d
		return true
	}
	decimals, point := 0, false
	i := 0
scan:
	for ; i < len(t); i++ {
		switch c := t[i]; {
		case c-'0' <= 9 && (!point || decimals < 2):
			if !push(int64(c - '0')) {
				return tooLarge()
			}
			if point {
				decimals++
			}
		case c == '.' && !point:
			point = true
		case c == ',':
		default:
			break scan
		}
	}
	t = t[i:]
	if t != "" && t[0] >= '5' && t[0] <= '9' {
		if v == -1<<63 {
			return tooLarge()
		}
		v--
	}
	for ; decimals < 2; decimals++ {
		if !push(0) {
			return tooLarge()
		}
	}
	t = strings.TrimLeft(t, "0123456789")
	for ; t != ""; t = t[1:] {
		switch c := t[0]; {
		case c == '-':
			neg = true
		case isSpace(c), c == ')', c == '+', c == '$':
		default:
			return Datum{}, invalidSyntax("money", s)
		}
	}
	if !neg {
		if v == -1<<63 {
			return tooLarge()
		}
		v = -v
	}
	return Datum{I: v}, nil
}

func moneyOut(_ *Ctx, _ T, d Datum, dst []byte) []byte {
	u := uint64(d.I)
	if d.I < 0 {
		u = -u
		dst = append(dst, '-')
	}
	dst = append(dst, '$')
	var buf [20]byte
	whole := strconv.AppendUint(buf[:0], u/100, 10)
	for i, c := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, c)
	}
	c := byte(u % 100)
	return append(dst, '.', '0'+c/10, '0'+c%10)
}
