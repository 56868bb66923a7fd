//! Rust's own collections on the default heap: `GlobalAlloc` over heap_api.h,
//! and the four tests that every kernel of a well-known series of articles runs
//! on its allocator.  Prints TAP.
//!
//! A layout is given back with each free, as the heap wants it, so nothing stands
//! between a `Box` and its block.

extern crate alloc;

use alloc::alloc::{GlobalAlloc, Layout};
use alloc::boxed::Box;
use alloc::vec::Vec;

const HEAP_SIZE: usize = 100 * 1024; // RUST_HEAP_SIZE

extern "C" {
    fn twin_alloc(size: usize, align: usize) -> *mut u8;
    fn twin_alloc_zeroed(size: usize, align: usize) -> *mut u8;
    fn twin_free(p: *mut u8, size: usize, align: usize);
    fn twin_realloc(p: *mut u8, size: usize, align: usize, new_size: usize) -> *mut u8;
    fn twin_live_bytes() -> usize;
}

struct TwinHeap;

unsafe impl GlobalAlloc for TwinHeap {
    unsafe fn alloc(&self, l: Layout) -> *mut u8 {
        twin_alloc(l.size(), l.align())
    }
    unsafe fn alloc_zeroed(&self, l: Layout) -> *mut u8 {
        twin_alloc_zeroed(l.size(), l.align())
    }
    unsafe fn dealloc(&self, p: *mut u8, l: Layout) {
        twin_free(p, l.size(), l.align())
    }
    unsafe fn realloc(&self, p: *mut u8, l: Layout, new_size: usize) -> *mut u8 {
        twin_realloc(p, l.size(), l.align(), new_size)
    }
}

#[global_allocator]
static HEAP: TwinHeap = TwinHeap;

/// Two values of their own.
fn simple_allocation() {
    let a = Box::new(41);
    let b = Box::new(13);
    assert_eq!((*a, *b), (41, 13));
}

/// A vector that is reallocated as it grows, with nothing lost on the way.
fn large_vec() {
    let n: u64 = 1000;
    let v: Vec<u64> = (0..n).fold(Vec::new(), |mut v, i| {
        v.push(i);
        v
    });
    assert_eq!(v.iter().sum::<u64>(), (n - 1) * n / 2);
}

/// More boxes than the heap has bytes: each must use the memory of the last.
fn many_boxes() {
    for i in 0..HEAP_SIZE {
        assert_eq!(*Box::new(i), i);
    }
}

/// The same while an older one lives.
fn many_boxes_long_lived() {
    let long_lived = Box::new(1);
    many_boxes();
    assert_eq!(*long_lived, 1);
}

fn main() {
    let tests: [(&str, fn()); 4] = [
        ("simple_allocation", simple_allocation),
        ("large_vec", large_vec),
        ("many_boxes", many_boxes),
        ("many_boxes_long_lived", many_boxes_long_lived),
    ];
    println!("1..{}", tests.len() + 1);
    let before = unsafe { twin_live_bytes() };
    for (n, (name, test)) in tests.iter().enumerate() {
        test(); // a failure is a panic, and ends the program
        println!("ok {} - {}", n + 1, name);
    }
    let after = unsafe { twin_live_bytes() };
    let good = before == after && before > 0; // standard output has a buffer
    println!("{} 5 - what lived before lives after", if good { "ok" } else { "not ok" });
}
