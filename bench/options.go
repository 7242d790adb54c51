package main

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// options are what the flags say.
type options struct {
	args       []string
	sizes      []int // numbers of services
	fans       []int // numbers of clients
	edits      int
	steps      []string // words
	kinds      []kind
	profileDir string // "" for no profiles
	check      bool
	out        string
	section    string // of the file out
}

func parse(args []string) (options, error) {
	o := options{args: args}
	f := flag.NewFlagSet("bench", flag.ExitOnError)
	sizes := f.String("n", "10,100,1000,10000", "numbers of services")
	fans := f.String("w", "1,100,1000", "numbers of clients in the fan-out, up to 10,000,000 services × clients")
	f.IntVar(&o.edits, "edits", 30, "edits of each kind")
	only := f.String("only", "", "only these `words` of: "+strings.Join(slices.Concat(steps(), words(kinds())), ", "))
	f.StringVar(&o.profileDir, "profile", "", "write profiles of Dragoman's processor time and heap in each step to this `directory`")
	f.BoolVar(&o.check, "check", true, "end with an error if a bound that was measured does not hold")
	f.StringVar(&o.out, "o", "", "also write it to this `file`, between the comments that name the section")
	f.StringVar(&o.section, "section", "measured", "the section of the file")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	var err error
	if o.sizes, err = numbers(*sizes); err != nil {
		return o, err
	}
	if o.fans, err = numbers(*fans); err != nil {
		return o, err
	}
	if o.edits < 1 || f.NArg() > 0 {
		return o, errors.New("one edit is the least, and there are no arguments but flags")
	}
	o.steps, o.kinds, err = choose(*only)
	return o, err
}

// numbers are those of a list with commas.
func numbers(list string) ([]int, error) {
	var out []int
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is no list of numbers", list)
		}
		out = append(out, n)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// choose takes a list of steps and subjects. Without a step it is all steps,
// without a subject all subjects.
func choose(only string) ([]string, []kind, error) {
	someSteps, some := []string(nil), []kind(nil)
	for word := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(kinds(), func(k kind) bool { return k.word == word })
		switch {
		case slices.Contains(steps(), word):
			someSteps = append(someSteps, word)
		case i >= 0:
			some = append(some, kinds()[i])
		case word != "":
			return nil, nil, fmt.Errorf("-only: there is no %q", word)
		}
	}
	if someSteps == nil {
		someSteps = steps()
	}
	if some == nil {
		some = kinds()
	}
	return someSteps, some, nil
}

func words(all []kind) []string {
	var out []string
	for _, k := range all {
		out = append(out, k.word)
	}
	return out
}
