//! Small private files: bounded reading, and writing that is private from the first byte and never half done. The one
//! way in which the engine writes what is nobody else's business.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use zeroize::Zeroizing;

/// Larger than any keystore file or list of names.
const MAX_BYTES: u64 = 64 * 1024;

/// Reads a regular file of bounded size; tells its permission bits too. Links are followed: secrets are often mounted as such.
///
/// # Errors
/// The system's; `InvalidInput` for what is no file, `InvalidData` for more than 64 KiB or text that is no UTF-8.
pub fn read(path: &Path) -> io::Result<(Zeroizing<String>, u32)> {
    // Without O_NONBLOCK a named pipe put there would hang us for ever.
    let mut file = OpenOptions::new()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut text = Zeroizing::new(String::new());
    (&mut file).take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "larger than 64 KiB"));
    }
    Ok((text, metadata.permissions().mode() & 0o777))
}

/// Makes a folder only its owner can enter, with its parents. One that exists is left as it is.
///
/// # Errors
/// The system's.
pub fn make_directory(path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made,
    }
}

/// The folder's permission bits if someone else than its owner or root can change what is in it.
///
/// # Errors
/// The system's.
pub fn writable_by_others(path: &Path) -> io::Result<Option<u32>> {
    let metadata = fs::metadata(path)?;
    let mode = metadata.mode() & 0o7777;
    let owner = metadata.uid();
    let foreign = owner != 0 && owner != rustix::process::geteuid().as_raw();
    Ok((mode & 0o022 != 0 || foreign).then_some(mode))
}

/// Writes a new file with mode 0600. Fails if the name is taken, by whatever kind of thing.
///
/// # Errors
/// The system's.
pub fn create(path: &Path, text: impl AsRef<[u8]>) -> io::Result<()> {
    write_beside(path, text.as_ref())?
        .persist_noclobber(path)
        .map_err(|error| error.error)?;
    sync_directory(path)
}

/// Replaces a file, or writes a new one, with mode 0600 in one step: whatever happens, the old content or the new is there.
///
/// # Errors
/// The system's.
pub fn replace(path: &Path, text: impl AsRef<[u8]>) -> io::Result<()> {
    write_beside(path, text.as_ref())?
        .persist(path)
        .map_err(|error| error.error)?;
    sync_directory(path)
}

/// The text in a temporary file (mode 0600, made exclusively) in the same folder, on disk.
fn write_beside(path: &Path, text: &[u8]) -> io::Result<tempfile::NamedTempFile> {
    let mut file = tempfile::Builder::new()
        .prefix(".lpctl-")
        .permissions(fs::Permissions::from_mode(0o600))
        .tempfile_in(directory_of(path))?;
    file.write_all(text)?;
    file.as_file().sync_all()?;
    Ok(file)
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A renamed file survives a power cut only once its folder is on disk as well.
fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(directory_of(path))?.sync_all()
}
