package parallel_test

import (
	"testing"

	"dragoman/parallel"
)

func TestEachPieceIsDoneOnce(t *testing.T) {
	for _, n := range []int{0, 1, 15, 16, 17, 31, 32, 33, 1000, 1024} {
		done := make([]int, n)
		parallel.Each(n, func(i int) { done[i]++ })
		for i, times := range done {
			if times != 1 {
				t.Errorf("of %d pieces, number %d is done %d times", n, i, times)
			}
		}
	}
}
