//! What a program needs to start: the interpreter its file names, and libraries it brings along.

use std::{
    env,
    ffi::OsStr,
    fs::{self, File},
    io,
    os::unix::{ffi::OsStrExt as _, fs::FileExt as _},
    path::{Path, PathBuf},
};

/// Places of the system's own libraries and of package stores, readable to every program here.
pub(super) const LIBRARIES: &[&str] = &[
    "/usr/lib",
    "/lib",
    "/lib64",
    "/usr/lib64",
    "/usr/local/lib",
    "/usr/local/lib64",
    "/nix/store",
    "/gnu/store",
];

/// Folders of programs where libraries never lie.
const PROGRAMS: &[&str] = &["/usr/bin", "/bin", "/usr/local/bin"];

/// Most libraries a program may bring along.
const MOST: usize = 1024;

/// Longest path the kernel takes.
const LONGEST_PATH: u64 = 4096;

/// The dynamic loader named in an ELF file's header; none for a static program (`elf(5)`).
///
/// # Errors
/// The file cannot be read, or is no program for this kind of processor, like a script.
pub(super) fn interpreter(program: &File) -> io::Result<Option<PathBuf>> {
    let no_program = || io::Error::other("it is no 64-bit ELF program; scripts do not run behind the fence");
    let mut header = [0; 64];
    program.read_exact_at(&mut header, 0).map_err(|_| no_program())?;
    // 64 bits, least byte first.
    if !header.starts_with(b"\x7fELF\x02\x01") {
        return Err(no_program());
    }
    let (table, size, count) = (
        number(&header, 32, 8),
        number(&header, 54, 2),
        number(&header, 56, 2),
    );
    for index in 0..count {
        let mut entry = [0; 56];
        let place = table.checked_add(index * size).ok_or_else(no_program)?;
        program.read_exact_at(&mut entry, place)?;
        const INTERPRETER: u64 = 3;
        if number(&entry, 0, 4) == INTERPRETER {
            let length = number(&entry, 32, 8).min(LONGEST_PATH);
            let mut path = vec![0; usize::try_from(length).unwrap_or_default()];
            program.read_exact_at(&mut path, number(&entry, 8, 8))?;
            path.truncate(path.iter().position(|byte| *byte == 0).unwrap_or(path.len()));
            return Ok(Some(OsStr::from_bytes(&path).into()));
        }
    }
    Ok(None)
}

/// A number of `length` bytes, least byte first. `at` lies within the bytes.
fn number(bytes: &[u8], at: usize, length: usize) -> u64 {
    let bytes = bytes[at..at + length].iter().rev();
    bytes.fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// Libraries outside of [`LIBRARIES`]: beside the program, in the `lib` beside its folder, and in the folders of
/// `search`, the loader's `LD_LIBRARY_PATH`. Only the files that are libraries: the program may lie in a home.
pub(super) fn own_libraries(program: &Path, search: &OsStr) -> Vec<PathBuf> {
    let folder = fs::canonicalize(program)
        .ok()
        .and_then(|program| Some(program.parent()?.to_owned()));
    let beside = folder
        .iter()
        .flat_map(|folder| [folder.clone(), folder.join("../lib"), folder.join("../lib64")]);
    let named = env::split_paths(search).filter(|folder| folder.is_absolute());
    let mut folders: Vec<_> = beside
        .chain(named)
        .filter_map(|folder| fs::canonicalize(folder).ok())
        .filter(|folder| !is_known(folder))
        .collect();
    folders.sort();
    folders.dedup();
    let entries = folders.into_iter().filter_map(|folder| fs::read_dir(folder).ok());
    entries
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| is_library(path))
        .take(MOST)
        .collect()
}

fn is_known(folder: &Path) -> bool {
    LIBRARIES.iter().any(|known| folder.starts_with(known))
        || PROGRAMS.iter().any(|known| folder == Path::new(known))
}

/// By its name, like `libx264.so.164` or `libx264.so`.
fn is_library(path: &Path) -> bool {
    let name = path.file_name().map(OsStr::to_string_lossy).unwrap_or_default();
    (name.ends_with(".so") || name.contains(".so.")) && path.is_file()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn programs_name_their_loader_and_scripts_are_refused() {
        let this = File::open("/proc/self/exe").unwrap();
        let loader = interpreter(&this).unwrap().unwrap();
        assert!(loader.is_file() && loader.is_absolute(), "{}", loader.display());
        // The loader itself is a static program.
        assert_eq!(interpreter(&File::open(loader).unwrap()).unwrap(), None);
        let place = tempfile::tempdir().unwrap();
        for (name, bytes) in [
            ("script", b"#!/bin/sh\nexec true\n".repeat(10)),
            ("short", b"\x7fELF\x02\x01".to_vec()),
            ("empty", Vec::new()),
            // Its table lies at the end of the world.
            ("broken", [&b"\x7fELF\x02\x01"[..], &[0xff; 100]].concat()),
        ] {
            let path = place.path().join(name);
            fs::write(&path, bytes).unwrap();
            assert!(interpreter(&File::open(&path).unwrap()).is_err(), "{name}");
        }
    }

    #[test]
    fn a_program_brings_libraries_along_and_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        let home = fs::canonicalize(home.path()).unwrap();
        for folder in ["bin", "lib"] {
            fs::create_dir(home.join(folder)).unwrap();
        }
        for file in [
            "bin/ffmpeg",
            "bin/libmine.so",
            "bin/key.json",
            "lib/libav.so.59",
            "lib/notes.txt",
        ] {
            fs::write(home.join(file), "x").unwrap();
        }
        symlink(home.join("bin/ffmpeg"), home.join("ffmpeg")).unwrap();
        fs::create_dir(home.join("lib/folder.so")).unwrap();
        let libraries = |program: &Path, search: &str| {
            let mut found = own_libraries(program, OsStr::new(search));
            found.sort();
            found
        };
        let its_own = [home.join("bin/libmine.so"), home.join("lib/libav.so.59")];
        assert_eq!(libraries(&home.join("ffmpeg"), ""), its_own);
        assert!(libraries(Path::new("/usr/bin/env"), "relative:").is_empty());
        let search = home.join("lib").display().to_string();
        assert_eq!(libraries(Path::new("/usr/bin/env"), &search), its_own[1..]);
    }
}
