//! Rust's global allocator on a kmem heap in the module's memory, for `wasm32-unknown-unknown`:
//!
//!     #[path = "node_modules/kmem/wasm/kmem.rs"]
//!     mod kmem;
//!
//!     #[global_allocator]
//!     static ALLOCATOR: kmem::Kmem = kmem::Kmem;
//!
//! The functions are imported from the module "kmem", as `wasmAllocator` provides them. Needs no crate.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr;

#[link(wasm_import_module = "kmem")]
extern "C" {
    fn malloc(size: usize) -> *mut u8;
    fn free(pointer: *mut u8);
    fn realloc(pointer: *mut u8, size: usize) -> *mut u8;
    fn aligned_alloc(align: usize, size: usize) -> *mut u8;
    fn malloc_usable_size(pointer: *mut u8) -> usize;
}

extern "C" {
    static __heap_base: u8;
}

/// Where the program's own data and stack end: for the option `base`.
#[no_mangle]
pub extern "C" fn kmem_heap_base() -> *const u8 {
    unsafe { ptr::addr_of!(__heap_base) }
}

/// Every object of `malloc` is aligned to this many bytes.
const ALIGN: usize = 16;
/// The largest object that is moved here when it grows. A larger one may grow where it is.
const MOVED_HERE_BYTES: usize = 2048;

/// The allocator; it has no state of its own.
pub struct Kmem;

unsafe impl GlobalAlloc for Kmem {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() <= ALIGN {
            malloc(layout.size())
        } else {
            aligned_alloc(layout.align(), layout.size())
        }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, _layout: Layout) {
        free(pointer)
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if layout.align() <= ALIGN && layout.size() > MOVED_HERE_BYTES {
            return realloc(pointer, new_size);
        }
        let usable = malloc_usable_size(pointer);
        // What gets much smaller moves, so that it does not hold so much.
        if new_size <= usable && new_size > usable / 2 {
            return pointer;
        }
        let moved = self.alloc(Layout::from_size_align_unchecked(new_size, layout.align()));
        if !moved.is_null() {
            ptr::copy_nonoverlapping(pointer, moved, layout.size().min(new_size));
            free(pointer);
        }
        moved
    }
}
