//! The VFS: SQLite's calls on their way to the system's own VFS, recorded or failed as they pass. All the `unsafe` of
//! the workspace is in this file.
//!
//! A file of ours is one `Head` with the system's file behind it in the same allocation, which SQLite makes with the
//! size that we tell it. Only what changes the disk is looked at; reading, locking and shared memory pass through.

#![expect(unsafe_code, reason = "a SQLite VFS is a table of C functions")]

use std::{
    ffi::{CStr, CString, OsStr, c_char, c_int, c_void},
    mem,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    ptr, slice,
};

use rusqlite::ffi::{
    self, SQLITE_FULL, SQLITE_IOERR_DELETE, SQLITE_IOERR_FSYNC, SQLITE_IOERR_TRUNCATE, SQLITE_IOERR_WRITE, SQLITE_OK,
    SQLITE_OPEN_CREATE, SQLITE_OPEN_MAIN_JOURNAL, SQLITE_OPEN_WAL, sqlite3_file, sqlite3_int64, sqlite3_io_methods,
    sqlite3_vfs,
};

use super::{Failed, Failure, Op, Recorder};

/// The front of every file of ours.
#[repr(C)]
struct Head {
    base: sqlite3_file,
    recorder: &'static Recorder,
    /// Leaked by `x_open`, freed by `x_close`; null for temporary files, which no crash leaves.
    path: *mut PathBuf,
    /// The first sync of a log or journal syncs its name too.
    new_name: bool,
}

/// What the VFS hands to its calls.
struct Data {
    recorder: &'static Recorder,
    system: *mut sqlite3_vfs,
}

/// Makes a VFS over the system's that records into `recorder` and has its name. It stays until the process ends.
pub(super) fn register(recorder: &'static Recorder) {
    // SAFETY: the default VFS exists once SQLite is initialised and lives for ever; ours is leaked with its name and
    // data and so does too; every pointer in it is one of our functions or the system's.
    unsafe {
        assert_eq!(ffi::sqlite3_initialize(), SQLITE_OK);
        let system = ffi::sqlite3_vfs_find(ptr::null());
        assert!(!system.is_null(), "SQLite has a VFS of its own");
        let name = CString::new(recorder.name.as_str()).expect("invariant: the name is ours");
        let head_len = c_int::try_from(size_of::<Head>()).expect("invariant: a few words");
        let mut vfs = *system;
        vfs.iVersion = 1;
        vfs.szOsFile += head_len;
        vfs.pNext = ptr::null_mut();
        vfs.zName = name.into_raw();
        vfs.pAppData = Box::into_raw(Box::new(Data { recorder, system })).cast();
        vfs.xOpen = Some(x_open);
        vfs.xDelete = Some(x_delete);
        let registered = ffi::sqlite3_vfs_register(Box::into_raw(Box::new(vfs)), 0);
        assert_eq!(registered, SQLITE_OK);
    }
}

/// # Safety
/// `vfs` is one that `register` made.
unsafe fn data<'a>(vfs: *mut sqlite3_vfs) -> &'a Data {
    // SAFETY: `register` put a leaked `Data` there.
    unsafe { &*(*vfs).pAppData.cast::<Data>() }
}

/// # Safety
/// `file` was opened by `x_open`.
unsafe fn head<'a>(file: *mut sqlite3_file) -> &'a mut Head {
    // SAFETY: it begins with a `Head`, and SQLite uses a file from one thread at a time.
    unsafe { &mut *file.cast::<Head>() }
}

/// # Safety
/// As for [`head`].
unsafe fn system(file: *mut sqlite3_file) -> *mut sqlite3_file {
    // SAFETY: the allocation has the system's file right behind the head.
    unsafe { file.cast::<u8>().add(size_of::<Head>()).cast() }
}

/// # Safety
/// As for [`head`], and the system opened its part.
unsafe fn methods<'a>(file: *mut sqlite3_file) -> &'a sqlite3_io_methods {
    // SAFETY: an open file has methods.
    unsafe { &*(*system(file)).pMethods }
}

/// # Safety
/// `name` is null or a C string.
unsafe fn path_of(name: *const c_char) -> Option<PathBuf> {
    // SAFETY: as above.
    (!name.is_null()).then(|| Path::new(OsStr::from_bytes(unsafe { CStr::from_ptr(name) }.to_bytes())).to_owned())
}

/// A code of SQLite as a result, and back.
fn checked(code: c_int) -> Result<(), Failed> {
    if code == SQLITE_OK {
        Ok(())
    } else {
        Err(Failed::System(code))
    }
}

fn code_of(result: Result<(), Failed>, told: c_int) -> c_int {
    match result {
        Ok(()) => SQLITE_OK,
        // The system's VFS tells want of room from other errors by ENOSPC alone.
        Err(Failed::Told(Failure::Io | Failure::Torn | Failure::Quota | Failure::ReadOnly)) => told,
        Err(Failed::Told(Failure::Full)) => SQLITE_FULL,
        Err(Failed::System(code)) => code,
    }
}

unsafe extern "C" fn x_open(
    vfs: *mut sqlite3_vfs,
    name: *const c_char,
    file: *mut sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives a file of `szOsFile` octets, which has room for the head and the system's part.
    unsafe {
        let Data { recorder, system: real } = data(vfs);
        (*file).pMethods = ptr::null();
        let path = path_of(name);
        let is_new = path.as_deref().is_some_and(|path| !path.exists());
        let open = (**real).xOpen.expect("invariant: every VFS opens");
        let act = || checked(open(*real, name, system(file), flags, out_flags));
        let opened = match &path {
            Some(path) if is_new && flags & SQLITE_OPEN_CREATE != 0 => recorder.perform(Op::Create(path.clone()), act),
            _ => act(),
        };
        if opened.is_err() {
            return code_of(opened, ffi::SQLITE_CANTOPEN);
        }
        let head = file.cast::<Head>();
        (*head).recorder = recorder;
        (*head).path = path.map_or(ptr::null_mut(), |path| Box::into_raw(Box::new(path)));
        // As the system's VFS has it: whoever may make a log or journal, whether it was there or not.
        let journal = flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL) != 0;
        (*head).new_name = journal && flags & SQLITE_OPEN_CREATE != 0;
        (*file).pMethods = &raw const METHODS;
        SQLITE_OK
    }
}

unsafe extern "C" fn x_delete(vfs: *mut sqlite3_vfs, name: *const c_char, sync_folder: c_int) -> c_int {
    // SAFETY: SQLite gives our VFS and a name.
    unsafe {
        let Data { recorder, system } = data(vfs);
        let Some(path) = path_of(name) else { return SQLITE_OK };
        let delete = (**system).xDelete.expect("invariant: every VFS deletes");
        let act = || checked(delete(*system, name, sync_folder));
        let result = recorder.perform(Op::Remove(path.clone()), act);
        if result.is_ok() && sync_folder != 0 {
            sync_folder_of(recorder, &path);
        }
        code_of(result, SQLITE_IOERR_DELETE)
    }
}

/// The system's VFS syncs the folder together with the operation before, and does not look whether that went well.
fn sync_folder_of(recorder: &Recorder, path: &Path) {
    if let Some(folder) = path.parent()
        && !recorder.nameless.load(std::sync::atomic::Ordering::Relaxed)
    {
        let _ = recorder.perform(Op::SyncFolder(folder.to_owned()), || Ok(()));
    }
}

/// Records `op` of a named file; a temporary one passes through.
///
/// # Safety
/// `file` was opened by `x_open`.
unsafe fn recorded(
    file: *mut sqlite3_file,
    told: c_int,
    op: impl FnOnce(PathBuf) -> Op,
    act: impl FnOnce() -> c_int,
) -> c_int {
    // SAFETY: the head's path is null or lives until `x_close`.
    unsafe {
        let head = head(file);
        if head.path.is_null() {
            return act();
        }
        code_of(head.recorder.perform(op((*head.path).clone()), || checked(act())), told)
    }
}

unsafe extern "C" fn x_close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: the path was leaked by `x_open` and is not used after this.
    unsafe {
        let path = mem::replace(&mut head(file).path, ptr::null_mut());
        if !path.is_null() {
            drop(Box::from_raw(path));
        }
        methods(file).xClose.map_or(SQLITE_OK, |close| close(system(file)))
    }
}

unsafe extern "C" fn x_write(file: *mut sqlite3_file, data: *const c_void, len: c_int, offset: sqlite3_int64) -> c_int {
    // SAFETY: SQLite gives `len` octets at `data`.
    unsafe {
        let write = methods(file).xWrite.expect("invariant: every file can be written");
        let head = head(file);
        if head.path.is_null() {
            return write(system(file), data, len, offset);
        }
        let octets = slice::from_raw_parts(data.cast::<u8>(), usize::try_from(len).unwrap_or(0));
        let act = |octets: &[u8]| {
            let len = c_int::try_from(octets.len()).unwrap_or(len);
            checked(write(system(file), octets.as_ptr().cast(), len, offset))
        };
        let path = (*head.path).clone();
        code_of(
            head.recorder.write(path, offset.unsigned_abs(), octets, act),
            SQLITE_IOERR_WRITE,
        )
    }
}

unsafe extern "C" fn x_truncate(file: *mut sqlite3_file, len: sqlite3_int64) -> c_int {
    // SAFETY: an open file of ours.
    unsafe {
        recorded(
            file,
            SQLITE_IOERR_TRUNCATE,
            |path| Op::Truncate(path, len.unsigned_abs()),
            || {
                methods(file)
                    .xTruncate
                    .map_or(SQLITE_OK, |truncate| truncate(system(file), len))
            },
        )
    }
}

unsafe extern "C" fn x_sync(file: *mut sqlite3_file, _flags: c_int) -> c_int {
    // SAFETY: an open file of ours. The real disk is not synced: the record is what counts, and the tests are faster.
    unsafe {
        let code = recorded(file, SQLITE_IOERR_FSYNC, Op::Sync, || SQLITE_OK);
        let head = head(file);
        if code == SQLITE_OK && head.new_name && !head.path.is_null() {
            head.new_name = false;
            sync_folder_of(head.recorder, &*head.path);
        }
        code
    }
}

/// Calls that pass through.
macro_rules! through {
    ($($name:ident = $method:ident ( $($arg:ident : $type:ty),* ) -> $otherwise:expr;)+) => {$(
        unsafe extern "C" fn $name(file: *mut sqlite3_file $(, $arg: $type)*) -> c_int {
            // SAFETY: an open file of ours; the arguments are SQLite's.
            unsafe { methods(file).$method.map_or($otherwise, |call| call(system(file) $(, $arg)*)) }
        }
    )+};
}

through! {
    x_read = xRead(data: *mut c_void, len: c_int, offset: sqlite3_int64) -> SQLITE_OK;
    x_file_size = xFileSize(len: *mut sqlite3_int64) -> SQLITE_OK;
    x_lock = xLock(level: c_int) -> SQLITE_OK;
    x_unlock = xUnlock(level: c_int) -> SQLITE_OK;
    x_check_reserved_lock = xCheckReservedLock(held: *mut c_int) -> SQLITE_OK;
    x_file_control = xFileControl(op: c_int, arg: *mut c_void) -> ffi::SQLITE_NOTFOUND;
    x_sector_size = xSectorSize() -> 4096;
    x_device_characteristics = xDeviceCharacteristics() -> 0;
    x_shm_map = xShmMap(page: c_int, len: c_int, extend: c_int, at: *mut *mut c_void) -> ffi::SQLITE_IOERR;
    x_shm_lock = xShmLock(offset: c_int, count: c_int, flags: c_int) -> ffi::SQLITE_IOERR;
    x_shm_unmap = xShmUnmap(delete: c_int) -> SQLITE_OK;
}

unsafe extern "C" fn x_shm_barrier(file: *mut sqlite3_file) {
    // SAFETY: an open file of ours.
    unsafe {
        if let Some(barrier) = methods(file).xShmBarrier {
            barrier(system(file));
        }
    }
}

/// Version 2: with shared memory, which the log needs, without memory-mapped reading.
static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(x_close),
    xRead: Some(x_read),
    xWrite: Some(x_write),
    xTruncate: Some(x_truncate),
    xSync: Some(x_sync),
    xFileSize: Some(x_file_size),
    xLock: Some(x_lock),
    xUnlock: Some(x_unlock),
    xCheckReservedLock: Some(x_check_reserved_lock),
    xFileControl: Some(x_file_control),
    xSectorSize: Some(x_sector_size),
    xDeviceCharacteristics: Some(x_device_characteristics),
    xShmMap: Some(x_shm_map),
    xShmLock: Some(x_shm_lock),
    xShmBarrier: Some(x_shm_barrier),
    xShmUnmap: Some(x_shm_unmap),
    xFetch: None,
    xUnfetch: None,
};
