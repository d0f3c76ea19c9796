//! A Rust program that allocates as Rust programs do: vectors that grow, strings, trees, maps, aligned blocks. `report`
//! says what it came to. Compiled with `--cfg kmem`, on kmem's allocator; otherwise on that of Rust.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::rc::Rc;

#[cfg(kmem)]
#[path = "../../wasm/kmem.rs"]
mod kmem;

#[cfg(kmem)]
#[global_allocator]
static ALLOCATOR: kmem::Kmem = kmem::Kmem;

struct Random(u32);

impl Random {
    fn below(&mut self, count: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 % count
    }
}

enum Tree {
    Leaf,
    Node(Box<Tree>, u32, Box<Tree>),
}

fn tree(depth: u32, random: &mut Random) -> Tree {
    if depth == 0 {
        return Tree::Leaf;
    }
    let left = Box::new(tree(depth - 1, random));
    Tree::Node(left, random.below(1000), Box::new(tree(depth - 1, random)))
}

fn sum(tree: &Tree) -> u32 {
    match tree {
        Tree::Leaf => 0,
        Tree::Node(left, value, right) => sum(left) + value + sum(right),
    }
}

/// As large as a cache line, and aligned to one: more than malloc promises.
#[repr(align(64))]
#[derive(Clone)]
struct Line([u8; 64]);

fn words(random: &mut Random) -> String {
    let mut counts: HashMap<String, u32> = HashMap::new();
    for _ in 0..20_000 {
        *counts.entry(format!("word{}", random.below(3000))).or_insert(0) += 1;
    }
    let mut sorted: Vec<(String, u32)> = counts.into_iter().collect();
    sorted.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(&other.0)));
    sorted.truncate(5);
    format!("{:?}", sorted)
}

fn lines(random: &mut Random) -> (usize, u32) {
    let mut lines: Vec<Box<Line>> = Vec::new();
    for number in 0..2000u32 {
        lines.push(Box::new(Line([number as u8; 64])));
        if random.below(3) == 0 {
            let index = random.below(lines.len() as u32) as usize;
            lines.swap_remove(index);
        }
    }
    let astray = lines.iter().filter(|line| (&***line as *const Line as usize) % 64 != 0).count();
    (astray, lines.iter().map(|line| u32::from(line.0[63])).sum())
}

fn text() -> String {
    let mut random = Random(1);
    let mut text = format!("tree {}\n", sum(&tree(12, &mut random)));
    text += &format!("words {}\n", words(&mut random));
    let (astray, total) = lines(&mut random);
    text += &format!("lines {} astray, {}\n", astray, total);
    let map: BTreeMap<u32, Vec<u32>> = (0..500).map(|key| (key * 7 % 501, vec![key; key as usize])).collect();
    text += &format!("map {}\n", map.values().map(|list| list.len()).sum::<usize>());
    let shared: Vec<Rc<String>> = (0..1000).map(|number| Rc::new(number.to_string())).collect();
    let queue: VecDeque<Rc<String>> = shared.iter().rev().cloned().collect();
    text += &format!("shared {}\n", queue.iter().map(|string| string.len()).sum::<usize>());
    let zeros = vec![0u64; 100_000];
    text += &format!("zeros {}\n", zeros.iter().sum::<u64>());
    let mut shrunk: Vec<u8> = (0..50_000u32).map(|number| number as u8).collect();
    shrunk.truncate(10);
    shrunk.shrink_to_fit();
    text += &format!("shrunk {:?}\n", shrunk);
    text
}

/// The text of a run. It is freed by `forget`.
#[no_mangle]
pub extern "C" fn report() -> *mut String {
    Box::into_raw(Box::new(text()))
}

#[no_mangle]
pub unsafe extern "C" fn start_of(text: *const String) -> *const u8 {
    (*text).as_ptr()
}

#[no_mangle]
pub unsafe extern "C" fn length_of(text: *const String) -> usize {
    (*text).len()
}

#[no_mangle]
pub unsafe extern "C" fn forget(text: *mut String) {
    drop(Box::from_raw(text))
}
