const absent = () => {
    throw new Error("this channel is not there");
};
exports.generateKeyPair = exports.calculateSignature = exports.verifySignature = absent;
