//! What can go wrong on demand.

use std::{collections::VecDeque, time::Duration};

use serde_json::Value;

use crate::Failure;

/// Whether a request that is cut off had its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The gateway never saw it.
    Lost,
    /// It took effect; only the answer is missing.
    Done,
}

/// How a connection ends in the middle of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    pub effect: Effect,
    /// Close code, such as 1012; `None` drops the connection without a word.
    pub code: Option<u16>,
}

/// What happens to one request instead of, or besides, its answer.
#[derive(Clone, Debug)]
pub(crate) enum Fate {
    Answered,
    Cut(Cut),
    /// Takes effect, is never answered.
    Hung,
    /// Is answered as if it took effect; then somebody else writes what was there before.
    Undone,
    Failed(Failure),
    /// Is answered with this, and has no effect.
    Said(Value),
}

/// The faults that wait for their request.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    pub refusing: bool,
    /// Status and body with which every upgrade is refused.
    pub forbidden: Option<(u16, String)>,
    pub silent: bool,
    pub starting: usize,
    pub delay: Option<Duration>,
    /// Requests until the cut, the cut one included.
    pub cut: Option<(usize, Cut)>,
    /// Requests of which each last one is cut, those until then, and how.
    pub cut_every: Option<(usize, usize, Cut)>,
    rules: VecDeque<Rule>,
}

#[derive(Debug)]
struct Rule {
    method: String,
    times: usize,
    fate: Fate,
}

impl Faults {
    pub(crate) fn rule(&mut self, method: &str, times: usize, fate: Fate) {
        self.rules.push_back(Rule {
            method: method.to_owned(),
            times,
            fate,
        });
    }

    /// Decides what happens to a request and counts it.
    pub(crate) fn fate(&mut self, method: &str) -> Fate {
        if let Some((left, cut)) = &mut self.cut {
            *left -= 1;
            if *left == 0 {
                let cut = *cut;
                self.cut = None;
                return Fate::Cut(cut);
            }
        }
        if let Some((every, left, cut)) = &mut self.cut_every {
            *left -= 1;
            if *left == 0 {
                *left = *every;
                return Fate::Cut(*cut);
            }
        }
        let Some(at) = self.rules.iter().position(|rule| rule.method == method) else {
            return Fate::Answered;
        };
        let rule = &mut self.rules[at];
        let fate = rule.fate.clone();
        rule.times -= 1;
        if rule.times == 0 {
            self.rules.remove(at);
        }
        fate
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}
