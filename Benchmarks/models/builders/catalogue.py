"""The models that can be built: where each definition comes from, with which seed and which accuracy."""

from dataclasses import dataclass

KERAS_APPLICATIONS = "https://keras.io/api/applications/ (top-1 of the published weights; the weights here are random)"
TORCHVISION = "https://docs.pytorch.org/vision/stable/models.html (acc@1 of {}; the weights here are random)"


@dataclass(frozen=True)
class Entry:
    """One model: `family` and `definition` say which function of which module builds it."""

    name: str
    family: str
    definition: str
    title: str
    seed: int
    licence: str
    accuracy: float | None = None
    source: str | None = None


def _torchvision(name, title, seed, accuracy, weights):
    return Entry(name, "torch", name, f"{title} (torchvision.models.{name})", seed, "BSD-3-Clause (torchvision)",
                 accuracy, TORCHVISION.format(weights))


def _application(name, definition, title, seed, accuracy):
    return Entry(name, "keras", definition, f"{title} (keras.applications.{definition})", seed,
                 "Apache-2.0 (Keras)", accuracy, KERAS_APPLICATIONS)


OWN = "the licence of this repository"

CATALOGUE = {entry.name: entry for entry in [
    Entry("mnist_mlp", "keras", "mnist_mlp", "Digits, 784-128-10 perceptron (Keras)", 1, OWN),
    Entry("mnist_cnn", "keras", "mnist_cnn", "Digits, convolutions of 32 and 64, dense 128 (Keras)", 2, OWN),
    _torchvision("squeezenet1_1", "SqueezeNet 1.1", 3, 0.58178, "SqueezeNet1_1_Weights.IMAGENET1K_V1"),
    _torchvision("mobilenet_v2", "MobileNetV2", 4, 0.71878, "MobileNet_V2_Weights.IMAGENET1K_V1"),
    _torchvision("efficientnet_b0", "EfficientNet-B0", 5, 0.77692, "EfficientNet_B0_Weights.IMAGENET1K_V1"),
    _torchvision("resnet50", "ResNet-50", 6, 0.76130, "ResNet50_Weights.IMAGENET1K_V1"),
    _torchvision("resnet101", "ResNet-101", 7, 0.77374, "ResNet101_Weights.IMAGENET1K_V1"),
    Entry("bert_l6_h384", "torch", "bert_l6_h384", "BERT encoder, 6 layers, 384 wide, 128 tokens", 8, OWN),
    _application("keras_mobilenet_v2", "MobileNetV2", "MobileNetV2", 9, 0.713),
    _application("resnet101_v2", "ResNet101V2", "ResNet101V2", 10, 0.772),
    _application("xception", "Xception", "Xception", 11, 0.790),
]}
