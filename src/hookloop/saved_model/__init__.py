"""`tf.saved_model`: graphs with the values of their variables in a directory, for serving and for other programs."""

from . import builder, constants, loader, main_op, signature_constants, signature_def_utils, tag_constants, utils
from .builder import SavedModelBuilder as Builder
from .builder import simple_save
from .constants import *
from .loader import load, maybe_saved_model_directory
from .main_op import main_op_with_restore
from .signature_constants import *
from .signature_def_utils import *
from .tag_constants import *
from .utils import build_tensor_info, get_tensor_from_tensor_info

contains_saved_model = maybe_saved_model_directory
