//! Which worker's socket the kernel gives a datagram to: a classic BPF program for `SO_ATTACH_REUSEPORT_CBPF`.
//!
//! The kernel spreads datagrams by a hash, so most arrive at a worker that does not own their sender, which is woken only to
//! wake another one. The program looks at the sender's port and names the owner's socket. It is a hint: what it does not know,
//! or knows wrongly (two senders behind different addresses with the same port), is handed over as before.

use crate::ids::WorkerId;

/// Ports that one program knows: each takes two instructions, and the kernel takes 4,096 (`BPF_MAXINSNS`).
pub const MAX_PORTS: usize = 1_600;
/// Ports that are compared one after the other.
const LEAF: usize = 8;
/// The answer that is no socket's index: the kernel spreads by its hash then.
const NOBODY: u32 = u32::MAX;

/// One instruction, as `struct sock_filter` of linux/filter.h has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// What to do.
    pub code: u16,
    /// Instructions to skip when the comparison holds.
    pub if_true: u8,
    /// Instructions to skip when it does not.
    pub if_false: u8,
    /// What `code` takes: an offset, a number to compare with, or the result.
    pub operand: u32,
}

const LOAD_HALF: u16 = 0x28;
const JUMP: u16 = 0x05;
const JUMP_EQUAL: u16 = 0x15;
const JUMP_GREATER_OR_EQUAL: u16 = 0x35;
const RETURN: u16 = 0x06;
/// `SKF_NET_OFF`: offsets from here on count from the network header.
const NETWORK_HEADER: i32 = -0x10_0000;

/// The program for sockets of one IP version. `owners` are the ports of senders, in any order; of one that is there twice, one
/// counts, and what is beyond [`MAX_PORTS`] is left to the hash.
pub fn program(mut owners: Vec<(u16, WorkerId)>, ipv6: bool) -> Vec<Instruction> {
    owners.sort_unstable();
    owners.dedup_by_key(|(port, _)| *port);
    owners.truncate(MAX_PORTS);
    // The source port, behind an IP header without options, which UDP of today's networks does not have.
    let port = NETWORK_HEADER + if ipv6 { 40 } else { 20 };
    let mut out = vec![instruction(LOAD_HALF, port as u32)];
    decide(&owners, &mut out);
    out
}

fn decide(owners: &[(u16, WorkerId)], out: &mut Vec<Instruction>) {
    if owners.len() <= LEAF {
        for (port, worker) in owners {
            out.push(Instruction {
                if_false: 1,
                ..instruction(JUMP_EQUAL, u32::from(*port))
            });
            out.push(instruction(RETURN, u32::from(worker.0)));
        }
        out.push(instruction(RETURN, NOBODY));
        return;
    }
    let (below, above) = owners.split_at(owners.len() / 2);
    out.push(Instruction {
        if_false: 1,
        ..instruction(JUMP_GREATER_OR_EQUAL, u32::from(above[0].0))
    });
    let jump = out.len();
    out.push(instruction(JUMP, 0));
    decide(below, out);
    out[jump].operand = (out.len() - jump - 1) as u32;
    decide(above, out);
}

const fn instruction(code: u16, operand: u32) -> Instruction {
    Instruction {
        code,
        if_true: 0,
        if_false: 0,
        operand,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel does with a program.
    fn run(program: &[Instruction], port: u16) -> u32 {
        let (mut at, mut accumulator) = (0, 0);
        loop {
            let now = program[at];
            at += 1;
            let jump = |holds| usize::from(if holds { now.if_true } else { now.if_false });
            match now.code {
                LOAD_HALF => accumulator = u32::from(port),
                JUMP => at += now.operand as usize,
                JUMP_EQUAL => at += jump(accumulator == now.operand),
                JUMP_GREATER_OR_EQUAL => at += jump(accumulator >= now.operand),
                RETURN => return now.operand,
                other => panic!("{other:#x}"),
            }
        }
    }

    #[test]
    fn every_known_port_goes_to_its_owner_and_others_to_nobody() {
        for count in [0, 1, 7, 8, 9, 100, MAX_PORTS] {
            let owner = |i: usize| WorkerId((i % 5) as u16);
            let owners: Vec<_> = (0..count).map(|i| (7 + 13 * i as u16, owner(i))).collect();
            let program = program(owners.iter().rev().copied().collect(), false);
            assert!(program.len() <= 4_096, "{count}: {}", program.len());
            for (port, worker) in owners {
                assert_eq!(run(&program, port), u32::from(worker.0));
                assert_eq!(run(&program, port + 1), NOBODY);
                assert_eq!(run(&program, port - 1), NOBODY);
            }
        }
    }

    #[test]
    fn what_is_too_much_is_left_to_the_hash() {
        let owners = (0..u16::MAX).map(|port| (port, WorkerId(1))).collect();
        let program = program(owners, true);
        assert!(program.len() <= 4_096);
        assert_eq!(run(&program, 5), 1);
        assert_eq!(run(&program, u16::MAX - 1), NOBODY);
    }
}
