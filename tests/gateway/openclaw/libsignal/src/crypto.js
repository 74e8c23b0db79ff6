const absent = () => {
    throw new Error("this channel is not there");
};
exports.calculateMAC = exports.decrypt = exports.deriveSecrets = exports.encrypt = absent;
