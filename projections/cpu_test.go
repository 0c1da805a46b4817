package projections

import (
	"syscall"
	"testing"
)

// cpuNanos is the processor time of the whole process: on a busy machine it says more than the clock, and it counts flushes and compactions.
func cpuNanos() int64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// reportCPU adds the processor time an operation since start.
func reportCPU(b *testing.B, start int64, ops int) {
	b.ReportMetric(float64(cpuNanos()-start)/float64(ops), "cpu-ns/op")
}
