package types

var (
	rangeOps      = &ops{}
	multirangeOps = &ops{}
)
