"""What every lesson shares: the activations, the derivations, the explorers and the exercises."""
