//! What the model makes of a mention.

use serde::Serialize;

use crate::assertion::AxisScores;
use crate::pipeline::Explanation;

/// What the model makes of a mention: probabilities in 0..=1.
#[derive(Clone, Copy, Debug, Serialize)]
#[non_exhaustive]
pub struct ModelTold {
    /// Of the span and type, where the model found them.
    pub score: Option<f32>,
    /// Mean over the words of being part of a mention.
    pub inside: Option<f32>,
    /// What the network gives to each axis, over the words of the mention.
    pub network: Option<AxesTold>,
    /// The same together with the linear model over the words around it: from a half on it decides.
    pub together: Option<AxesTold>,
}

/// Probabilities, in 0..=1, of what departs from the default of each axis.
#[derive(Clone, Copy, Debug, Serialize)]
#[non_exhaustive]
pub struct AxesTold {
    /// Of being denied.
    pub absent: f32,
    /// Of being uncertain.
    pub possible: f32,
    /// Of being over.
    pub historical: f32,
    /// Of not being said to happen.
    pub hypothetical: f32,
    /// Of being somebody else's.
    pub other_experiencer: f32,
}

impl AxesTold {
    fn of(scores: &AxisScores, probability: impl Fn(f32) -> f32) -> AxesTold {
        AxesTold {
            absent: probability(scores.absent),
            possible: probability(scores.possible),
            historical: probability(scores.historical),
            hypothetical: probability(scores.hypothetical),
            other_experiencer: probability(scores.other_experiencer),
        }
    }
}

impl ModelTold {
    /// Of a mention that is explained; `None` where no model read it.
    pub(super) fn of(explanation: &Explanation) -> Option<ModelTold> {
        let Explanation { annotation, trace, scores, inside, .. } = explanation;
        let score = annotation.mention.score;
        (score.is_some() || scores.is_some() || inside.is_some()).then_some(ModelTold {
            score,
            inside: *inside,
            network: scores.map(|scores| AxesTold::of(&scores, |probability| probability)),
            together: trace.learned.map(|odds| AxesTold::of(&odds, |odds| 1.0 / (1.0 + (-odds).exp()))),
        })
    }
}
