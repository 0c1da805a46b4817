package types

import (
	"strconv"
	"strings"

	"kimberlite/sql/pgerr"
)

// The packing of type modifiers.
const (
	modHeader         = 4 // VARHDRSZ: varchar(n), char(n) and numeric count it in
	intervalFullRange = 0x7FFF
	intervalFullPrec  = 0xFFFF
)

// The bits of an interval's range modifier.
const (
	intervalYear   = 1 << 2
	intervalMonth  = 1 << 1
	intervalDay    = 1 << 3
	intervalHour   = 1 << 10
	intervalMinute = 1 << 11
	intervalSecond = 1 << 12
)

// MakeNumericMod returns the modifier of numeric(precision, scale).
func MakeNumericMod(precision, scale int) int32 {
	return int32(precision<<16|scale&0x7ff) + modHeader
}

// NumericMod splits the modifier of a numeric; mod must not be negative.
func NumericMod(mod int32) (precision, scale int) {
	mod -= modHeader
	return int(mod>>16) & 0xffff, int(mod&0x7ff^1024) - 1024
}

// TypmodIn turns the modifiers written in parentheses after a type's name into a typmod. For interval they are the fields' mask and
// perhaps the precision, as the grammar gives them. The warning, if any, is for the client (a precision beyond 6 is reduced).
func TypmodIn(ctx *Ctx, oid OID, args []string) (mod int32, warning *pgerr.Error, err error) {
	ty := Lookup(orDefault(ctx), oid)
	if ty == nil {
		return -1, nil, unknownType(oid)
	}
	if ty.IsArray() {
		oid = ty.Elem
		if ty = Lookup(orDefault(ctx), oid); ty == nil {
			return -1, nil, unknownType(oid)
		}
	}
	if ty.ModIn == 0 {
		return -1, nil, pgerr.Newf(pgerr.SyntaxError, "type modifier is not allowed for type %q", ty.Name)
	}
	nums := make([]int32, len(args))
	for i, a := range args {
		n, err := ParseInt4(a)
		if err != nil {
			return -1, nil, err
		}
		nums[i] = n
	}
	switch oid {
	case OIDVarchar:
		mod, err = lengthMod("varchar", nums)
	case OIDBpchar:
		mod, err = lengthMod("char", nums)
	case OIDBit:
		mod, err = bitMod("bit", nums)
	case OIDVarbit:
		mod, err = bitMod("varbit", nums)
	case OIDNumeric:
		mod, err = numericModIn(nums)
	case OIDTime:
		return timeMod("TIME", "", nums)
	case OIDTimetz:
		return timeMod("TIME", " WITH TIME ZONE", nums)
	case OIDTimestamp:
		return timeMod("TIMESTAMP", "", nums)
	case OIDTimestamptz:
		return timeMod("TIMESTAMP", " WITH TIME ZONE", nums)
	case OIDInterval:
		return intervalMod(nums)
	default:
		return -1, nil, pgerr.Unsupported("a modifier of type "+FormatTypeName(ctx, oid), "")
	}
	return mod, nil, err
}

var errInvalidModifier = pgerr.New(pgerr.InvalidParameterValue, "invalid type modifier")

func lengthMod(name string, nums []int32) (int32, error) {
	switch {
	case len(nums) != 1:
		return -1, errInvalidModifier
	case nums[0] < 1:
		return -1, pgerr.Newf(pgerr.InvalidParameterValue, "length for type %s must be at least 1", name)
	case nums[0] > maxCharLength:
		return -1, pgerr.Newf(pgerr.InvalidParameterValue, "length for type %s cannot exceed %d", name, maxCharLength)
	}
	return nums[0] + modHeader, nil
}

func bitMod(name string, nums []int32) (int32, error) {
	switch {
	case len(nums) != 1:
		return -1, errInvalidModifier
	case nums[0] < 1:
		return -1, pgerr.Newf(pgerr.InvalidParameterValue, "length for type %s must be at least 1", name)
	case nums[0] > maxBitLength:
		return -1, pgerr.Newf(pgerr.InvalidParameterValue, "length for type %s cannot exceed %d", name, maxBitLength)
	}
	return nums[0], nil
}

func numericModIn(nums []int32) (int32, error) {
	if len(nums) != 1 && len(nums) != 2 {
		return -1, pgerr.New(pgerr.InvalidParameterValue, "invalid NUMERIC type modifier")
	}
	if nums[0] < 1 || nums[0] > numericMaxPrecision {
		return -1, pgerr.Newf(pgerr.InvalidParameterValue, "NUMERIC precision %d must be between 1 and %d", nums[0], numericMaxPrecision)
	}
	scale := int32(0)
	if len(nums) == 2 {
		scale = nums[1]
		if scale < numericMinScale || scale > numericMaxScale {
			return -1, pgerr.Newf(pgerr.InvalidParameterValue, "NUMERIC scale %d must be between %d and %d", scale, numericMinScale, numericMaxScale)
		}
	}
	return MakeNumericMod(int(nums[0]), int(scale)), nil
}

func timeMod(name, zone string, nums []int32) (int32, *pgerr.Error, error) {
	switch {
	case len(nums) != 1:
		return -1, nil, errInvalidModifier
	case nums[0] < 0:
		return -1, nil, pgerr.Newf(pgerr.InvalidParameterValue, "%s(%d)%s precision must not be negative", name, nums[0], zone)
	case nums[0] > maxTimePrecision:
		return maxTimePrecision, pgerr.Warn(pgerr.InvalidParameterValue, "%s(%d)%s precision reduced to maximum allowed, %d",
			name, nums[0], zone, maxTimePrecision), nil
	}
	return nums[0], nil, nil
}

func intervalMod(nums []int32) (int32, *pgerr.Error, error) {
	if len(nums) != 1 && len(nums) != 2 {
		return -1, nil, pgerr.New(pgerr.InvalidParameterValue, "invalid INTERVAL type modifier")
	}
	if nums[0] != intervalFullRange && intervalFields(nums[0]) == "" {
		return -1, nil, pgerr.New(pgerr.InvalidParameterValue, "invalid INTERVAL type modifier")
	}
	var warning *pgerr.Error
	prec := int32(intervalFullPrec)
	if len(nums) == 2 {
		prec = nums[1]
		if prec < 0 {
			return -1, nil, pgerr.Newf(pgerr.InvalidParameterValue, "INTERVAL(%d) precision must not be negative", prec)
		}
		if prec > maxTimePrecision {
			warning = pgerr.Warn(pgerr.InvalidParameterValue, "INTERVAL(%d) precision reduced to maximum allowed, %d", prec, maxTimePrecision)
			prec = maxTimePrecision
		}
	} else if nums[0] == intervalFullRange {
		return -1, nil, nil
	}
	return nums[0]<<16 | prec, warning, nil
}

// intervalFields names the fields of an interval's range, "" for a mask that is none.
func intervalFields(mask int32) string {
	switch mask {
	case intervalYear:
		return " year"
	case intervalMonth:
		return " month"
	case intervalDay:
		return " day"
	case intervalHour:
		return " hour"
	case intervalMinute:
		return " minute"
	case intervalSecond:
		return " second"
	case intervalYear | intervalMonth:
		return " year to month"
	case intervalDay | intervalHour:
		return " day to hour"
	case intervalDay | intervalHour | intervalMinute:
		return " day to minute"
	case intervalDay | intervalHour | intervalMinute | intervalSecond:
		return " day to second"
	case intervalHour | intervalMinute:
		return " hour to minute"
	case intervalHour | intervalMinute | intervalSecond:
		return " hour to second"
	case intervalMinute | intervalSecond:
		return " minute to second"
	}
	return ""
}

// TypmodOut prints a modifier as the type's typmod output function does: "(10,2)"; "" for none.
func TypmodOut(oid OID, mod int32) string {
	if mod < 0 {
		return ""
	}
	switch oid {
	case OIDVarchar, OIDBpchar:
		if mod <= modHeader {
			return ""
		}
		return "(" + strconv.Itoa(int(mod-modHeader)) + ")"
	case OIDNumeric:
		p, s := NumericMod(mod)
		return "(" + strconv.Itoa(p) + "," + strconv.Itoa(s) + ")"
	case OIDTime, OIDTimestamp:
		return "(" + strconv.Itoa(int(mod)) + ") without time zone"
	case OIDTimetz, OIDTimestamptz:
		return "(" + strconv.Itoa(int(mod)) + ") with time zone"
	case OIDInterval:
		var b strings.Builder
		b.WriteString(intervalFields(mod >> 16 & 0x7fff))
		if prec := mod & 0xffff; prec != intervalFullPrec {
			b.WriteString("(" + strconv.Itoa(int(prec)) + ")")
		}
		return b.String()
	}
	return "(" + strconv.Itoa(int(mod)) + ")"
}
