package types

import (
	"math"
	"strconv"
)

// AppendG appends a float as PostgreSQL's own printf does with %.*g.
func AppendG(dst []byte, f float64, prec int) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	}
	exp := 0
	if f != 0 {
		// The exponent after rounding to prec digits decides between the two forms.
		e := strconv.AppendFloat(nil, f, 'e', prec-1, 64)
		for i := range e {
			if e[i] == 'e' {
				exp, _ = strconv.Atoi(string(e[i+1:]))
			}
		}
	}
	n := len(dst)
	if exp < -4 || exp >= prec {
		dst = strconv.AppendFloat(dst, f, 'e', prec-1, 64)
		e := len(dst) - 1
		for dst[e] != 'e' {
			e--
		}
		tail := string(dst[e:])
		return append(trimFraction(dst[:e], n), tail...)
	}
	return trimFraction(strconv.AppendFloat(dst, f, 'f', prec-1-exp, 64), n)
}

// trimFraction removes trailing zeros of the fraction in dst[from:], and the point after which none is left.
func trimFraction(dst []byte, from int) []byte {
	point := false
	for _, c := range dst[from:] {
		point = point || c == '.'
	}
	if !point {
		return dst
	}
	for dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	if dst[len(dst)-1] == '.' {
		dst = dst[:len(dst)-1]
	}
	return dst
}
