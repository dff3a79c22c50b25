"""Teaching: new spaces from labels, captions and feedback. Nothing but ``train.torch`` needs PyTorch."""
