package seeds

import (
	"flag"
	"testing"
	"time"
)

var (
	many = flag.Int("seeds", 0, "how many seeds the simulations try; 0: each its own small number")
	one  = flag.Uint64("seed", 0, "the only seed to try, when not 0")
)

// Each runs a simulation for the seeds from 1 to the number of the flag -seeds, or few without it, or for the one seed of the flag -seed.
func Each(t *testing.T, few int, simulate func(t *testing.T, seed uint64)) {
	if *one != 0 {
		simulate(t, *one)
		return
	}
	if *many > 0 {
		few = *many
	}
	start := time.Now()
	for seed := uint64(1); seed <= uint64(few); seed++ {
		simulate(t, seed)
		if t.Failed() {
			t.Fatalf("seed %d failed; try it again with: go test -run '^%s$' -seed %d", seed, t.Name(), seed)
		}
	}
	t.Logf("seeds 1 to %d held, in %.1f s", few, time.Since(start).Seconds())
}
