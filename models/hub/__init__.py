"""The Hugging Face Hub: `reading` finds and downloads models, `publishing` publishes them.

Both import huggingface_hub, which takes a second, and any call may take half a minute if the Hub does not answer, so
nothing here belongs on the drawing thread. `failures` turns every failure of the network or the Hub into a `UserError`.
"""

from models.hub_variables import check_variables

# Here, as every module of this package imports huggingface_hub.
check_variables()
