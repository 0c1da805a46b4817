package types

import (
	"encoding/binary"
	"math/big"
	"strconv"
	"strings"

	"kimberlite/sql/pgerr"
)

func numericIn(_ *Ctx, t T, s string) (Datum, error) {
	p, err := ParseNumeric(s)
	if err == nil && t.Mod >= modHeader {
		p, err = NumericApplyMod(p, t.Mod)
	}
	return Datum{S: p}, err
}

// ParseNumeric reads the text form of a numeric: 22P02 for what is none, 22003 beyond the range.
func ParseNumeric(s string) (string, error) {
	if p, ok := parseSmallNumeric(s); ok {
		return p, nil
	}
	t := strings.TrimLeft(s, " \t\n\v\f\r")
	t = strings.TrimRight(t, " \t\n\v\f\r")
	neg := false
	body := t
	if body != "" && (body[0] == '-' || body[0] == '+') {
		neg = body[0] == '-'
		body = body[1:]
	}
	if body == "" {
		return "", invalidSyntax("numeric", s)
	}
	if c := body[0]; c != '.' && c-'0' > 9 {
		switch strings.ToLower(body) {
		case "nan":
			if len(body) == len(t) {
				return NumericNaN, nil
			}
		case "inf", "infinity":
			if neg {
				return NumericNegInf, nil
			}
			return NumericPosInf, nil
		}
		return "", invalidSyntax("numeric", s)
	}
	return parseDecimal(s, body, neg)
}

// parseSmallNumeric is the fast path: up to 18 digits with a point at most, nothing around them.
func parseSmallNumeric(s string) (string, bool) {
	i := 0
	neg := len(s) > 0 && s[0] == '-'
	if neg {
		i = 1
	}
	if len(s)-i > 19 || len(s) == i {
		return "", false
	}
	var n int64
	point := -1
	for ; i < len(s); i++ {
		c := s[i]
		switch {
		case c-'0' <= 9:
			n = n*10 + int64(c-'0')
		case c == '.' && point < 0 && len(s) > 2:
			point = i
		default:
			return "", false
		}
	}
	scale := 0
	if point >= 0 {
		scale = len(s) - point - 1
	} else if len(s) > 18 { // 19 digits might be too many
		return "", false
	}
	if neg {
		n = -n
	}
	return MakeNumeric(n, scale), true
}

// parseDecimal reads digits, point and exponent of body; s is the whole text, for the error.
func parseDecimal(s, body string, neg bool) (string, error) {
	digits := make([]byte, 0, len(body))
	if neg {
		digits = append(digits, '-')
	}
	scale, seenPoint, any := 0, false, false
	i := 0
	for ; i < len(body); i++ {
		c := body[i]
		if c-'0' <= 9 {
			digits = append(digits, c)
			any = true
			if seenPoint {
				scale++
			}
		} else if c == '.' && !seenPoint {
			seenPoint = true
		} else {
			break
		}
	}
	if !any {
		return "", invalidSyntax("numeric", s)
	}
	if i < len(body) {
		if body[i]|0x20 != 'e' {
			return "", invalidSyntax("numeric", s)
		}
		exp, err := strconv.ParseInt(strings.TrimLeft(body[i+1:], " \t\n\v\f\r"), 10, 64)
		if err != nil {
			if e, ok := err.(*strconv.NumError); !ok || e.Err != strconv.ErrRange {
				return "", invalidSyntax("numeric", s)
			}
			return "", errNumericOverflow
		}
		const limit = (1<<31 - 1) / 2
		if exp >= limit || exp <= -limit {
			return "", errNumericOverflow
		}
		scale -= int(exp)
	}
	coef, ok := new(big.Int).SetString(string(digits), 10)
	if !ok {
		return "", invalidSyntax("numeric", s)
	}
	if scale < 0 {
		if coef.Sign() == 0 {
			return NumericZero, nil
		}
		if -scale > numericDigitsMax {
			return "", errNumericOverflow
		}
	}
	return MakeNumericBig(coef, scale)
}

// NumericString returns the text form of a numeric.
func NumericString(s string) string {
	var buf [48]byte
	return string(AppendNumeric(buf[:0], s))
}

// AppendNumeric appends the text form of a numeric.
func AppendNumeric(dst []byte, s string) []byte {
	if v, scale, ok := UnpackSmallNumeric(s); ok {
		if scale == 0 {
			return strconv.AppendInt(dst, v, 10)
		}
		if v < 0 {
			dst = append(dst, '-')
		}
		return appendPoint(dst, abs64(v), scale)
	}
	switch s[0] {
	case numNaN:
		return append(dst, "NaN"...)
	case numPosInf:
		return append(dst, "Infinity"...)
	case numNegInf:
		return append(dst, "-Infinity"...)
	}
	coef, scale, _ := NumericBig(s)
	if coef.Sign() < 0 {
		dst = append(dst, '-')
		coef.Neg(coef)
	}
	text := coef.Append(nil, 10)
	if scale == 0 {
		return append(dst, text...)
	}
	if len(text) <= scale {
		dst = append(dst, '0', '.')
		for range scale - len(text) {
			dst = append(dst, '0')
		}
		return append(dst, text...)
	}
	dst = append(dst, text[:len(text)-scale]...)
	dst = append(dst, '.')
	return append(dst, text[len(text)-scale:]...)
}

// appendPoint appends x with scale (> 0) digits after the point.
func appendPoint(dst []byte, x uint64, scale int) []byte {
	var buf [20]byte
	i := len(buf)
	if scale < len(buf) {
		// One pass from the right: the fraction, then the rest.
		frac := scale
		n := len(dst)
		width := max(digits10(x), scale+1) + 1
		for range width {
			dst = append(dst, '0')
		}
		for j := n + width - 1; frac > 0; j-- {
			dst[j] = '0' + byte(x%10)
			x /= 10
			frac--
		}
		dst[n+width-1-scale] = '.'
		for j := n + width - 2 - scale; x > 0; j-- {
			dst[j] = '0' + byte(x%10)
			x /= 10
		}
		return dst
	}
	for x > 0 {
		i--
		buf[i] = '0' + byte(x%10)
		x /= 10
	}
	dst = append(dst, '0', '.')
	for range scale - (len(buf) - i) {
		dst = append(dst, '0')
	}
	return append(dst, buf[i:]...)
}

// numericDigits appends the decimal digits of the coefficient of a finite numeric, without leading zeros (none for zero).
func numericDigits(dst []byte, s string) (digits []byte, scale int, neg bool) {
	if v, sc, ok := UnpackSmallNumeric(s); ok {
		if v == 0 {
			return dst, sc, false
		}
		return strconv.AppendUint(dst, abs64(v), 10), sc, v < 0
	}
	coef, sc, _ := NumericBig(s)
	if coef.Sign() == 0 {
		return dst, sc, false
	}
	neg = coef.Sign() < 0
	return coef.Abs(coef).Append(dst, 10), sc, neg
}

// The sign word of the binary form.
const (
	numSignPos  = 0x0000
	numSignNeg  = 0x4000
	numSignNaN  = 0xC000
	numSignPInf = 0xD000
	numSignNInf = 0xF000
	numInfScale = 0x20 // what PostgreSQL happens to send as an infinity's display scale
)

// appendNumericBinary writes base-10000 digits: count, weight of the first, sign, display scale, digits.
func appendNumericBinary(dst []byte, s string) []byte {
	header := func(n, weight int, sign uint16, dscale int) {
		dst = binary.BigEndian.AppendUint16(dst, uint16(n))
		dst = binary.BigEndian.AppendUint16(dst, uint16(weight))
		dst = binary.BigEndian.AppendUint16(dst, sign)
		dst = binary.BigEndian.AppendUint16(dst, uint16(dscale))
	}
	switch s[0] {
	case numNaN:
		header(0, 0, numSignNaN, 0)
		return dst
	case numPosInf:
		header(0, 0, numSignPInf, numInfScale)
		return dst
	case numNegInf:
		header(0, 0, numSignNInf, numInfScale)
		return dst
	}
	var buf [64]byte
	digits, scale, neg := numericDigits(buf[:0], s)
	if len(digits) == 0 {
		header(0, 0, numSignPos, scale)
		return dst
	}
	sign := uint16(numSignPos)
	if neg {
		sign = numSignNeg
	}
	exp := len(digits) - scale // digits before the point; may be negative
	weight := floorDivNum(exp-1, 4)
	lead := exp - weight*4 // decimal digits in the first group, 1..4
	for len(digits) > 0 && digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
	}
	n := 1
	if len(digits) > lead {
		n += (len(digits) - lead + 3) / 4
	}
	header(n, weight, sign, scale)
	pos := lead - 4 // the first group reaches back before the digits
	for range n {
		var g uint16
		for j := pos; j < pos+4; j++ {
			g *= 10
			if j >= 0 && j < len(digits) {
				g += uint16(digits[j] - '0')
			}
		}
		dst = binary.BigEndian.AppendUint16(dst, g)
		pos += 4
	}
	return dst
}

func floorDivNum(a, b int) int {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func numericRecv(_ *Ctx, t T, b []byte) (Datum, error) {
	if len(b) < 8 {
		return Datum{}, errInsufficientData
	}
	n, weight := int(binary.BigEndian.Uint16(b)), int(int16(binary.BigEndian.Uint16(b[2:])))
	sign, dscale := binary.BigEndian.Uint16(b[4:]), int(binary.BigEndian.Uint16(b[6:]))
	b = b[8:]
	switch sign {
	case numSignPos, numSignNeg, numSignNaN, numSignPInf, numSignNInf:
	default:
		return Datum{}, pgerr.New(pgerr.InvalidBinaryRepresentation, `invalid sign in external "numeric" value`)
	}
	if dscale > numericScaleMax {
		return Datum{}, pgerr.New(pgerr.InvalidBinaryRepresentation, `invalid scale in external "numeric" value`)
	}
	if len(b) < 2*n {
		return Datum{}, errInsufficientData
	}
	if len(b) > 2*n {
		return Datum{}, errExtraData
	}
	coef := new(big.Int)
	nbase, digit := big.NewInt(10000), new(big.Int)
	for i := range n {
		g := binary.BigEndian.Uint16(b[2*i:])
		if g >= 10000 {
			return Datum{}, pgerr.New(pgerr.InvalidBinaryRepresentation, `invalid digit in external "numeric" value`)
		}
		coef.Add(coef.Mul(coef, nbase), digit.SetUint64(uint64(g)))
	}
	var s string
	var err error
	switch sign {
	case numSignNaN:
		s = NumericNaN
	case numSignPInf:
		s = NumericPosInf
	case numSignNInf:
		s = NumericNegInf
	default:
		if sign == numSignNeg {
			coef.Neg(coef)
		}
		// The coefficient has 4*(n-1-weight) digits after the point; the display scale rules, and cuts.
		if have := 4 * (n - 1 - weight); have > dscale {
			coef.Quo(coef, bigPow10(have-dscale))
		} else if coef.Sign() != 0 && have < dscale {
			coef.Mul(coef, bigPow10(dscale-have))
		}
		s, err = MakeNumericBig(coef, dscale)
	}
	if err == nil && t.Mod >= modHeader {
		s, err = NumericApplyMod(s, t.Mod)
	}
	return Datum{S: s}, err
}

// NumericApplyMod rounds a value to the scale of a numeric(precision, scale) and checks that it fits: 22003 if not.
func NumericApplyMod(s string, mod int32) (string, error) {
	if mod < modHeader {
		return s, nil
	}
	precision, scale := NumericMod(mod)
	if isSpecial(s) {
		if NumericIsInf(s) {
			return "", pgerr.New(pgerr.NumericValueOutOfRange, "numeric field overflow").
				WithDetail("A field with precision %d, scale %d cannot hold an infinite value.", precision, scale)
		}
		return s, nil
	}
	r, err := NumericRound(s, scale)
	if err != nil {
		return "", err
	}
	maxDigits := precision - scale
	if v, sc, ok := UnpackSmallNumeric(r); ok {
		if digits10(abs64(v))-sc <= maxDigits {
			return r, nil
		}
		if v == 0 {
			return r, nil
		}
	} else {
		digits, sc, _ := numericDigits(nil, r)
		if len(digits)-sc <= maxDigits {
			return r, nil
		}
	}
	limit := "1"
	if maxDigits != 0 {
		limit = "10^" + strconv.Itoa(maxDigits)
	}
	return "", pgerr.New(pgerr.NumericValueOutOfRange, "numeric field overflow").
		WithDetail("A field with precision %d, scale %d must round to an absolute value less than %s.", precision, scale, limit)
}
