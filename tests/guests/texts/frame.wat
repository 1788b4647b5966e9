;; Around the fields of each guest: memory, its allocator, the contract's exports. `$receive` is the guest's own; what it
;; stores at address 0 is read as `result<reading, rejection>`: the case at 0; of a reading, the list of events at 4 and 8,
;; whether there is an answer at 12, its status at 16, its headers at 20 and 24, its body at 28 and 32; of a rejection, the
;; case at 4 and its text at 8 and 12.
(memory (export "memory") 8)
(global $heap (mut i32) (i32.const 458752))
(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
  (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
  (global.set $heap (i32.add (local.get $at) (local.get 3)))
  (block $room (loop $grow
    (br_if $room (i32.le_u (global.get $heap) (i32.mul (memory.size) (i32.const 65536))))
    (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
    (br $grow)))
  (local.get $at))
(func (export "tributary:plugin/lifecycle@0.1.0#prepare") (result i32) (i32.const 0))
(func (export "tributary:plugin/channel@0.1.0#receive")
  (param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (call $receive) (i32.const 0))
(func (export "tributary:plugin/channel@0.1.0#send") (param i32) (result i32) unreachable)
