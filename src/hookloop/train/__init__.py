"""`tf.train`: optimizers, the global step, monitored sessions and their hooks."""

from types import ModuleType as _ModuleType

from ..later import Later as _Later
from .adadelta import AdadeltaOptimizer
from .adagrad import AdagradOptimizer
from .adagrad_da import AdagradDAOptimizer
from .adam import AdamOptimizer
from .basic_loops import basic_train_loop
from .checkpoint_management import *
from .checkpoint_saver_hook import CheckpointSaverHook, CheckpointSaverListener
from .checkpoint_utils import *
from .cluster_spec import ClusterSpec
from .coordinator import Coordinator, LooperThread
from .device_setter import replica_device_setter
from .eval_hook import EvalHook
from .feed_fn_hook import FeedFnHook
from .final_ops_hook import FinalOpsHook
from .ftrl import FtrlOptimizer
from .global_step_waiter_hook import GlobalStepWaiterHook
from .gradient_descent import GradientDescentOptimizer
from .graph_io import summary_iterator, write_graph
from .input_batches import *
from .input_producers import *
from .learning_rate_decay import *
from .logging_tensor_hook import LoggingTensorHook
from .meta_graph import export_meta_graph, import_meta_graph
from .momentum import MomentumOptimizer
from .monitored_session import MonitoredSession, SingularMonitoredSession
from .monitored_training_session import MonitoredTrainingSession
from .moving_averages import ExponentialMovingAverage
from .nan_tensor_hook import NanLossDuringTrainingError, NanTensorHook
from .native_hook import NativeHook
from .optimizer import Optimizer
from .profiler_hook import ProfilerHook
from .progress_hook import ProgressHook
from .proximal_adagrad import ProximalAdagradOptimizer
from .proximal_gradient_descent import ProximalGradientDescentOptimizer
from .queue_runner import QueueRunner, add_queue_runner, start_queue_runners
from .rmsprop import RMSPropOptimizer
from .saver import Saver
from .scaffold import Scaffold
from .second_or_step_timer import SecondOrStepTimer
from .server import Server
from .session_creator import ChiefSessionCreator, SessionCreator, WorkerSessionCreator
from .session_manager import SessionManager
from .session_run_hook import SessionRunArgs, SessionRunContext, SessionRunHook, SessionRunValues
from .step_counter_hook import StepCounterHook
from .stop_at_step_hook import StopAtStepHook
from .summary_saver_hook import SummarySaverHook
from .supervisor import Supervisor
from .training_util import (
    assert_global_step,
    create_global_step,
    get_global_step,
    get_or_create_global_step,
    global_step,
)
from .trigger import Trigger, not_finite
from .warm_start import VocabInfo, warm_start

_LATER_NAMES = {  # module -> its names here; loaded when first asked for
    "train.checkpoint": ["Checkpoint"],
    "train.checkpoint_manager": ["CheckpointManager"],
    "train.quantize_training": ["do_quantize_training_on_graphdef"],
    "train.sync_replicas_optimizer": ["SyncReplicasOptimizer"],
    "messages": ["ClusterDef", "JobDef", "SaverDef"],
    "ops.sdca": ["sdca_fprint", "sdca_optimizer", "sdca_shrink_l1"],
    "files.messages": """
        BytesList Example Feature FeatureList FeatureLists Features FloatList Int64List SequenceExample ServerDef
    """.split(),
}
_later = _Later(globals(), {name: module for module, names in _LATER_NAMES.items() for name in names}, ["experimental"])
__getattr__ = _later.find


def __dir__():
    own = (
        name
        for name, value in globals().copy().items()
        if not name.startswith("_") and not isinstance(value, _ModuleType)
    )
    return sorted({*own, *_later.names, *_later.modules})
