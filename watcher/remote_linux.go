package watcher

import "syscall"

// remote returns the name of dir's file system if changes may be made where
// this kernel does not see them, so that it tells of none; otherwise "".
func remote(dir string) string {
	var st syscall.Statfs_t
	if syscall.Statfs(dir, &st) != nil {
		return "" // Whoever reads dir will say what is wrong with it.
	}
	return remoteName(uint32(st.Type)) // The field has another type on each platform.
}

// remoteName knows the magic numbers of statfs(2).
func remoteName(magic uint32) string {
	switch magic {
	case 0x6969:
		return "nfs"
	case 0xFF534D42, 0xFE534D42:
		return "smb"
	case 0x65735546:
		return "fuse"
	case 0x01021997:
		return "9p"
	}
	return ""
}
