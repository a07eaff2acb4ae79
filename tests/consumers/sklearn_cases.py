"""Call patterns of scikit-learn, with `sklearn.config_context(array_api_dispatch=True)`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import sklearn
from patterns import NAN, Table
from sklearn import metrics, preprocessing
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeCV
from sklearn.metrics import pairwise
from sklearn.mixture import GaussianMixture
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline

TABLE = Table()


def add(id: str, function: Callable[..., Any], *inputs: Any, **kwargs: Any) -> None:
    def dispatched(*arrays: Any) -> Any:
        with sklearn.config_context(array_api_dispatch=True):
            return function(*arrays)

    TABLE.add(id, dispatched, *inputs, **kwargs)


X, Y, LABELS = (8, 3), (8,), np.asarray([0, 1, 0, 1, 1, 0, 1, 0])
MASKED = "a correction is 0 / 0 where there was no data before, and overwritten afterwards: 0 times NaN is NaN"
A_NUMBER = "scikit-learn returns a Python float"
ENDS = "converted to a Python number, which ends its graph"

# -- preprocessing

for name in "StandardScaler MinMaxScaler MaxAbsScaler".split():
    scaler = getattr(preprocessing, name)
    nan = {"refused": MASKED, "says": NAN} if name == "StandardScaler" else {}
    add(f"{name}.fit_transform", lambda x, s=scaler: s().fit_transform(x), X, **nan)
    add(f"{name}.transform", lambda x, y, s=scaler: s().fit(x).transform(y), X, (2, 3), **nan)
    add(f"{name}.inverse", lambda x, s=scaler: s().fit(x).inverse_transform(x), X, **nan)
add("StandardScaler.mean", lambda x: preprocessing.StandardScaler().fit(x).mean_, X)
add("StandardScaler.var", lambda x: preprocessing.StandardScaler().fit(x).var_, X, refused=MASKED, says=NAN)
add("StandardScaler.weights", lambda x, w: preprocessing.StandardScaler().fit(x, sample_weight=w).transform(x), X, Y, refused=MASKED, says=NAN)
add("MinMaxScaler.clip", lambda x, y: preprocessing.MinMaxScaler(clip=True).fit(x).transform(y), X, (3, 3))
add("minmax_scale", preprocessing.minmax_scale, X)
add("maxabs_scale", preprocessing.maxabs_scale, X)
add("scale", preprocessing.scale, X, refused="it converts with np.asarray")
for norm in "l1 l2 max".split():
    add(f"Normalizer-{norm}", lambda x, n=norm: preprocessing.Normalizer(n).fit_transform(x), X)
    add(f"normalize-{norm}", partial(preprocessing.normalize, norm=norm), X)
add("PolynomialFeatures", lambda x: preprocessing.PolynomialFeatures(2).fit_transform(x), X)
add("PolynomialFeatures-interactions", lambda x: preprocessing.PolynomialFeatures(3, interaction_only=True, include_bias=False).fit_transform(x), (4, 3))
add("KernelCenterer", lambda x: preprocessing.KernelCenterer().fit_transform(x @ x.T), (5, 3))
add("Binarizer", lambda x: preprocessing.Binarizer(threshold=1.0).fit_transform(x) * x, X)

# -- decomposition, linear models, classifiers

for solver in "full covariance_eigh".split():
    add(f"PCA-{solver}.variance", lambda x, s=solver: PCA(2, svd_solver=s).fit(x).explained_variance_, X, atol=1e-7)
    add(f"PCA-{solver}.ratio", lambda x, s=solver: PCA(2, svd_solver=s).fit(x).explained_variance_ratio_, X, atol=1e-7)
    add(f"PCA-{solver}.transform", lambda x, s=solver: PCA(2, svd_solver=s).fit(x).transform(x), X, atol=1e-6, rtol=1e-5)
    add(f"PCA-{solver}.whiten", lambda x, s=solver: PCA(2, svd_solver=s, whiten=True).fit(x).transform(x), X, atol=1e-6, rtol=1e-5)
add("PCA.inverse", lambda x: PCA(2, svd_solver="full").fit(x).inverse_transform(PCA(2, svd_solver="full").fit(x).transform(x)), X, atol=1e-6)
add("PCA.mean", lambda x: PCA(2, svd_solver="full").fit(x).mean_, X)
add("PCA.covariance", lambda x: PCA(2, svd_solver="full").fit(x).get_covariance(), X, atol=1e-6)
add("PCA.score_samples", lambda x: PCA(2, svd_solver="full").fit(x).score_samples(x), X, atol=1e-5, rtol=1e-5)
add("Ridge.coef", lambda x, y: Ridge(0.5, solver="svd").fit(x, y).coef_, X, Y, atol=1e-7)
add("Ridge.intercept", lambda x, y: Ridge(0.5, solver="svd").fit(x, y).intercept_, X, Y, atol=1e-7)
add("Ridge.predict", lambda x, y, z: Ridge(0.5, solver="svd").fit(x, y).predict(z), X, Y, (2, 3), atol=1e-7)
add("Ridge.weights", lambda x, y, w: Ridge(0.5, solver="svd").fit(x, y, sample_weight=w).coef_, X, Y, Y, atol=1e-7)
add("Ridge.several", lambda x, y: Ridge(0.5, solver="svd").fit(x, y).coef_, X, (8, 2), atol=1e-7)
add("Ridge.no_intercept", lambda x, y: Ridge(0.5, solver="svd", fit_intercept=False).fit(x, y).coef_, X, Y, atol=1e-7)
add("RidgeCV.coef", lambda x, y: RidgeCV([0.1, 1.0]).fit(x, y).coef_, X, Y, atol=1e-7)
add("GaussianNB.theta", lambda x, y: GaussianNB().fit(x, y).theta_, X, LABELS)
add("GaussianNB.var", lambda x, y: GaussianNB().fit(x, y).var_, X, LABELS)
add("GaussianNB.predict_proba", lambda x, y: GaussianNB().fit(x, y).predict_proba(x), X, LABELS)
add("GaussianNB.log_proba", lambda x, y: GaussianNB().fit(x, y).predict_log_proba(x), X, LABELS)
add("LDA.decision", lambda x, y: LinearDiscriminantAnalysis().fit(x, y).decision_function(x), X, LABELS, atol=1e-5, rtol=1e-5)
add("LDA.transform", lambda x, y: LinearDiscriminantAnalysis().fit(x, y).transform(x), X, LABELS, atol=1e-5, rtol=1e-5)
add("LDA.predict_proba", lambda x, y: LinearDiscriminantAnalysis().fit(x, y).predict_proba(x), X, LABELS, atol=1e-5, rtol=1e-5)
add("Nystroem", lambda x: Nystroem(n_components=3, random_state=0).fit(x).transform(x), (5, 3), atol=1e-5, rtol=1e-4)
add("GaussianMixture.score", lambda x: GaussianMixture(1, init_params="random", random_state=0).fit(x).score_samples(x), (5, 2), atol=1e-5)
add("Pipeline.scaler_pca", lambda x: make_pipeline(preprocessing.MinMaxScaler(), PCA(2, svd_solver="full")).fit(x).transform(x), X, atol=1e-5, rtol=1e-4)
add("Pipeline.scaler_ridge", lambda x, y: make_pipeline(preprocessing.MinMaxScaler(), Ridge(solver="svd")).fit(x, y).predict(x), X, Y, atol=1e-6)
add("Pipeline.polynomial_ridge", lambda x, y: make_pipeline(preprocessing.PolynomialFeatures(2), Ridge(solver="svd")).fit(x, y).predict(x), X, Y, atol=1e-6)
add("LinearRegression", lambda x, y: LinearRegression().fit(x, y).coef_, X, Y, refused="not for array API input: scipy.linalg.lstsq")
add("LogisticRegression", lambda x, y: LogisticRegression().fit(x, y).coef_, X, LABELS, refused="a compiled optimizer", says=ENDS)

# -- pairwise kernels and distances

for name in "linear_kernel polynomial_kernel rbf_kernel sigmoid_kernel cosine_similarity cosine_distances euclidean_distances laplacian_kernel manhattan_distances".split():
    add(f"{name}", getattr(pairwise, name), (4, 3), (2, 3), atol=1e-7)
add("rbf_kernel-self", lambda x: pairwise.rbf_kernel(x), (4, 3), atol=1e-7)
add("rbf_kernel-gamma", lambda x: pairwise.rbf_kernel(x, gamma=0.7), (4, 3), atol=1e-7)
add("linear_kernel-self", lambda x: pairwise.linear_kernel(x), (4, 3))
add("cosine_similarity-self", lambda x: pairwise.cosine_similarity(x), (4, 3))
add("euclidean_distances-squared", lambda x, y: pairwise.euclidean_distances(x, y, squared=True), (4, 3), (2, 3))
add("additive_chi2_kernel", pairwise.additive_chi2_kernel, (4, 3), (2, 3))
add("chi2_kernel", pairwise.chi2_kernel, (4, 3), (2, 3))
for name in "paired_cosine_distances paired_euclidean_distances paired_manhattan_distances".split():
    add(f"{name}", getattr(pairwise, name), (4, 3), (4, 3))
add("pairwise_kernels", lambda x, y: pairwise.pairwise_kernels(x, y, metric="rbf"), (4, 3), (2, 3), atol=1e-7)
add("pairwise_distances", lambda x, y: pairwise.pairwise_distances(x, y, metric="cosine"), (4, 3), (2, 3), atol=1e-7)
add("haversine_distances", pairwise.haversine_distances, (3, 2), (2, 2), refused="compiled code")

# -- metrics

for name in "mean_squared_error mean_absolute_error mean_absolute_percentage_error mean_squared_log_error root_mean_squared_error root_mean_squared_log_error mean_pinball_loss".split():
    add(f"{name}-raw", partial(getattr(metrics, name), multioutput="raw_values"), (6, 2), (6, 2))
    add(f"{name}", getattr(metrics, name), (6, 2), (6, 2), refused=A_NUMBER, says=ENDS)
for name in "r2_score explained_variance_score d2_absolute_error_score".split():
    add(f"{name}-raw", partial(getattr(metrics, name), multioutput="raw_values"), (6, 2), (6, 2))
for name in "mean_poisson_deviance mean_gamma_deviance max_error log_loss".split():
    inputs = (LABELS, (8,)) if name == "log_loss" else ((6,), (6,))
    add(f"{name}", getattr(metrics, name), *inputs, domain=(0.1, 0.9), refused=A_NUMBER, says=ENDS)
