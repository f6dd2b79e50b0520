"""`tf.train`: optimizers, the global step, monitored sessions and their hooks."""

from .adagrad import AdagradOptimizer
from .adam import AdamOptimizer
from .gradient_descent import GradientDescentOptimizer
from .learning_rate_decay import *
from .momentum import MomentumOptimizer
from .moving_averages import ExponentialMovingAverage
from .optimizer import Optimizer
from .rmsprop import RMSPropOptimizer
from .training_util import assert_global_step, create_global_step, get_global_step, get_or_create_global_step, global_step
