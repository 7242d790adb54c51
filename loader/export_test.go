package loader

// Forget has a loader look at all documents anew, at this Apply and at each.
func Forget(l *Loader) { l.index = nil }
